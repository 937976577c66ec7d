"""Where an image and a served disk differ, and where a bitmap is dirty: as ranges of bytes."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from tui.images.commands import Command, create_on, extents, move_to
from tui.images.errors import ImageError, from_os
from tui.images.program import Answer, run
from tui.whole import whole

Range = tuple[int, int]
"""Where it begins, and where it is over."""

FINEST = 4096
"""Bytes to which differences are told: no bitmap of a chain is finer."""

_MOST = 64 << 20
"""Bytes of a map that are read; each range takes about a hundred."""


class _Extent(BaseModel):
    """A line of `qemu-img map --output=json`; `depth` is 0 for the image itself."""

    model_config = ConfigDict(frozen=True)

    start: int
    length: int
    depth: int
    data: bool


_EXTENTS = TypeAdapter(tuple[_Extent, ...])


async def differences(
    image: Path, image_format: str, url: str, on_progress: Callable[[float], None]
) -> tuple[Range, ...]:
    """Where an image differs from a raw disk that is served.

    `qemu-img compare` ends where it finds the first. So an empty image on top of the one is moved
    onto the other: afterwards it holds what the other lacks. It is a file without a name beside
    the image, and goes with us; it grows by what differs.

    Raises:
        ImageError: one of them cannot be read, or there is no room for what differs.
    """
    async with _nameless(image.parent) as path:
        await _told(create_on(path, image, image_format, cluster_size=FINEST))
        await _told(move_to(path, url, "raw"), on_progress)
        return tuple(await _ranges(extents(path, "qcow2"), lambda extent: extent.depth == 0))


@contextlib.asynccontextmanager
async def _nameless(directory: Path) -> AsyncIterator[Path]:
    """A file in a directory that is gone with us, however we end."""
    try:
        file = await asyncio.to_thread(partial(tempfile.TemporaryFile, dir=directory))
    except OSError as error:
        raise from_os(error, directory) from error
    try:
        yield Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
    finally:
        await whole(asyncio.to_thread(file.close))


async def written(marks: str) -> tuple[Range, ...]:
    """Where a bitmap is dirty that is served, by the image that stands for it.

    Raises:
        ImageError: it cannot be read.
    """
    # By NBD a dirty part is told as one without data.
    return tuple(await _ranges(extents(marks, None), lambda extent: not extent.data))


def first_outside(found: Sequence[Range], known: Sequence[Range]) -> int | None:
    """Where the first of some ranges is in none of others; None where all are. Both in order."""
    rest = list(known)
    for start, end in found:
        at = start
        while at < end:
            while rest and rest[0][1] <= at:
                rest.pop(0)
            if not rest or rest[0][0] > at:
                return at
            at = rest[0][1]
    return None


async def _ranges(command: Command, wanted: Callable[[_Extent], bool]) -> Iterator[Range]:
    answer = await _told(command, most=_MOST)
    try:
        found = _EXTENTS.validate_json(answer.out)
    except ValidationError as error:
        raise ImageError("qemu-img does not tell in what they differ: it is too much") from error
    return ((one.start, one.start + one.length) for one in found if wanted(one))


async def _told(
    command: Command,
    on_progress: Callable[[float], None] | None = None,
    *,
    most: int | None = None,
) -> Answer:
    answer = await run(command, on_progress, most=most)
    if answer.status:
        raise ImageError(f"they cannot be compared: {answer.complaint}")
    return answer
