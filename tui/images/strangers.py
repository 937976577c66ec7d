"""Files beside a chain that its manifest does not name."""

import asyncio
from collections.abc import Iterable
from pathlib import Path, PurePath

from tui.chain.directory import Kept, chains_in
from tui.chain.manifest import PointImage
from tui.images.checksum import sha256
from tui.images.header import NotQcow2, read_qcow2

_MOST = 200


def unnamed(kept: Kept) -> tuple[str, ...]:
    """The images of the directory that no manifest names; of very many only some.

    Raises nothing: a directory that cannot be read has none. It waits for the disk.
    """
    try:
        others, _ = chains_in(kept.directory)
        there = sorted(kept.directory.glob("*.qcow2"))
    except OSError:
        return ()
    named = {
        name for each in (*others, kept) for name in (*each.chain.files(), *each.chain.surplus)
    }
    return tuple(path.name for path in there if path.name not in named)[:_MOST]


async def moved_to(kept: Kept, image: PointImage) -> str | None:
    """The name that a missing image has now, told by its checksum."""
    if image.sha256 is None:
        return None
    for name in await asyncio.to_thread(unnamed, kept):
        path = kept.directory / name
        try:
            fits = image.file_size in (None, path.stat().st_size)
            if fits and await sha256(path, _nobody) == image.sha256:
                return name
        except OSError:
            continue
    return None


def standing_on(kept: Kept, names: Iterable[str]) -> tuple[str, str] | None:
    """An image that no manifest names but that stands on one of these, and on which one."""
    wanted = set(names)
    for name in unnamed(kept):
        try:
            backing = read_qcow2(kept.directory / name).backing_file
        except (OSError, NotQcow2):
            continue
        if backing is not None and PurePath(backing).name in wanted:
            return name, PurePath(backing).name
    return None


def named_elsewhere(directory: Path, but: Path) -> tuple[frozenset[str], tuple[str, ...]]:
    """What other manifests of a directory name, and what cannot be read of them.

    Raises:
        OSError: the directory cannot be read.
    """
    others, bad = chains_in(directory)
    named = frozenset(
        name for each in others if each.path.name != but.name for name in each.chain.files()
    )
    return named, tuple(str(error) for error in bad)


def _nobody(done: int) -> None:
    """It is short beside the rest."""
