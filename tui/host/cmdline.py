"""What only QEMU's command line tells of its disks."""

import itertools
from collections.abc import Iterator, Sequence

_ON = frozenset({"on", "yes", "true", "y"})


def copy_on_read_drives(cmdline: Sequence[str]) -> frozenset[str]:
    """The backends of `-drive …,copy-on-read=on`, which no query shows.

    A drive without an id, or one that was added later, is not found.
    """
    return frozenset(
        words["id"]
        for words in _drives(cmdline)
        if "id" in words and words.get("copy-on-read") in _ON
    )


def _drives(cmdline: Sequence[str]) -> Iterator[dict[str, str]]:
    for option, value in itertools.pairwise(cmdline):
        if option in ("-drive", "--drive"):
            pairs = (word.partition("=") for word in value.replace(",,", "\0").split(","))
            yield {name: rest.replace("\0", ",") or "on" for name, _, rest in pairs}
