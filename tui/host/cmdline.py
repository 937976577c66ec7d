"""What only QEMU's command line tells of its disks."""

import contextlib
import itertools
import json
from collections.abc import Iterator, Sequence

_ON = frozenset({"on", "yes", "true", "y"})
_DRIVE = ("-drive", "--drive")
_OF_NODES = (*_DRIVE, "-blockdev", "--blockdev")


def copy_on_read_drives(cmdline: Sequence[str]) -> frozenset[str]:
    """The backends of `-drive …,copy-on-read=on`, which no query shows.

    A drive without an id, or one that was added later, is not found.
    """
    return frozenset(
        words["id"]
        for words in _drives(cmdline)
        if "id" in words and words.get("copy-on-read") in _ON
    )


def nodes_at_start(cmdline: Sequence[str]) -> frozenset[str]:
    """The node names given by `-blockdev` and `-drive`, also those inside others."""
    found: set[str] = set()
    for option, value in itertools.pairwise(cmdline):
        if option not in _OF_NODES:
            continue
        if value.startswith("{"):
            with contextlib.suppress(ValueError):
                found.update(_named_in(json.loads(value)))
            continue
        words = words_of(value).items()
        found.update(word for name, word in words if name.rpartition(".")[2] == "node-name")
    return frozenset(found)


def _named_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        name = value.get("node-name")
        if isinstance(name, str):
            yield name
        for inner in value.values():
            yield from _named_in(inner)


def _drives(cmdline: Sequence[str]) -> Iterator[dict[str, str]]:
    for option, value in itertools.pairwise(cmdline):
        if option in _DRIVE:
            yield words_of(value)


def words_of(value: str) -> dict[str, str]:
    """The settings of an option; one without a value is `on`."""
    pairs = (word.partition("=") for word in value.replace(",,", "\0").split(","))
    return {name: rest.replace("\0", ",") or "on" for name, _, rest in pairs}
