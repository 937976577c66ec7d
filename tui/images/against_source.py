"""Compare the last point of a chain with the very disk that it was taken of.

The disk of a running VM goes on. But the bitmap of the chain's last point tells what was written
since: nothing, and the disk must be what the point is.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from tui.chain.directory import Kept
from tui.chain.disks import NotPossible
from tui.images.commands import compare
from tui.images.errors import ImageError
from tui.images.program import run
from tui.images.progress import Meter, OnProgress, nobody
from tui.images.source import at_point
from tui.images.verify import DIFFERENT, IDENTICAL
from tui.qmp.errors import QmpError
from tui.text import plain
from tui.units import size


class Likeness(StrEnum):
    """How a disk and the last point of its chain are found to be.

    Of a disk that has gone on nothing is known: what it held at the point is no more to be had.
    """

    IDENTICAL = "identical"
    DIFFERENT = "different"
    GONE_ON = "gone-on"


class SourceComparison(BaseModel):
    """What came of it; `written` are the bytes that were written since the point."""

    model_config = ConfigDict(frozen=True)

    disk: str
    point: int
    likeness: Likeness
    written: int = 0
    words: str = ""

    @property
    def sentence(self) -> str:
        """All of it for the operator."""
        what = f"{plain(self.disk, 60)} at point {self.point}"
        match self.likeness:
            case Likeness.IDENTICAL:
                return f"IDENTICAL: {what} and the VM's own disk"
            case Likeness.DIFFERENT:
                return f"DIFFERENT: {what} and the VM's own disk: {self.words}"
            case Likeness.GONE_ON:
                gone = f"the VM's own disk has gone on since: {size(self.written)} written"
                return f"NOT COMPARED: {what}: {gone}"


class SourceDisk(Protocol):
    """A disk of a VM, as whoever is connected to it can give it."""

    async def written(self) -> int:
        """The bytes that were written since the last point, by the bitmap of that point."""

    def served(self) -> AbstractAsyncContextManager[str]:
        """The URL by which `qemu-img` reads it; when it is left, no write is under way."""


async def compare_with_source(
    kept: Kept, disk: str, source: SourceDisk, on_progress: OnProgress = nobody
) -> SourceComparison:
    """Compare the last complete point of a disk with the disk itself.

    It is certain, or the disk has gone on: the bitmap is asked before and afterwards.

    Raises:
        ImageError: the point cannot be read, the bitmap does not tell, or the disk is not served.
    """
    last = kept.chain.last
    if last is None:
        raise ImageError(f"chain {kept.chain.id} has no point that is complete")
    point = await asyncio.to_thread(at_point, kept, last.serial, disk)
    meter = Meter(point.virtual_size, on_progress)
    meter.begin("comparing", point.virtual_size)

    def found(likeness: Likeness, written: int = 0, words: str = "") -> SourceComparison:
        return SourceComparison(
            disk=disk, point=last.serial, likeness=likeness, written=written, words=words
        )

    try:
        if written := await source.written():
            return found(Likeness.GONE_ON, written)
        async with source.served() as url:
            command = compare(point.top, point.image_format, url, "raw")
            answer = await run(command, meter.fraction)
        if written := await source.written():
            return found(Likeness.GONE_ON, written)
    except NotPossible as reason:
        raise ImageError(plain(str(reason).removesuffix("."), 400)) from reason
    except QmpError as error:
        raise ImageError(plain(str(error), 400)) from error
    meter.end()
    if answer.status not in (IDENTICAL, DIFFERENT):
        raise ImageError(f"they cannot be compared: {answer.complaint}")
    said = [line.strip() for line in answer.out.splitlines() if line.strip()]
    likeness = Likeness.IDENTICAL if answer.status == IDENTICAL else Likeness.DIFFERENT
    return found(likeness, words=plain(" ".join(said), 300))
