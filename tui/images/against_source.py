"""Compare the last point of a chain with the very disk that it was taken of.

The disk of a running VM goes on. But the bitmap of the chain's last point tells what was written
since: what was not must be as it is in the point.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from tui.chain.directory import Kept
from tui.chain.disks import NotPossible
from tui.images.commands import compare
from tui.images.differences import differences, first_outside, written
from tui.images.errors import ImageError
from tui.images.program import run
from tui.images.progress import Meter, OnProgress, nobody
from tui.images.source import Source, at_point
from tui.images.verify import DIFFERENT, IDENTICAL
from tui.qmp.errors import QmpError
from tui.text import plain
from tui.units import size


class Likeness(StrEnum):
    """How a disk and the last point of its chain are found to be.

    Of what was written since nothing is known: what it was at the point is no more to be had.
    `UNWRITTEN` is that all the rest is identical, `GONE_ON` that there is no rest.
    """

    IDENTICAL = "identical"
    UNWRITTEN = "identical-but-for-written"
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
            case Likeness.UNWRITTEN:
                since = f"{size(self.written)} that were written since and cannot be compared"
                return f"IDENTICAL: {what} and the VM's own disk, but for {since}"
            case Likeness.DIFFERENT:
                return f"DIFFERENT: {what} and the VM's own disk: {self.words}"
            case Likeness.GONE_ON:
                gone = f"all of the VM's own disk was written since: {size(self.written)}"
                return f"NOT COMPARED: {what}: {gone}"


class SourceDisk(Protocol):
    """A disk of a VM, as whoever is connected to it can give it."""

    async def written(self) -> int:
        """The bytes that were written since the last point, by the bitmap of that point."""

    def served(self) -> AbstractAsyncContextManager[str]:
        """The URL by which `qemu-img` reads it; when it is left, no write is under way."""

    def marks(self) -> AbstractAsyncContextManager[str]:
        """What `qemu-img map` tells by what was written up to now; only while it is served."""


async def compare_with_source(
    kept: Kept, disk: str, source: SourceDisk, on_progress: OnProgress = nobody
) -> SourceComparison:
    """Compare the last complete point of a disk with the disk itself.

    The guest may write meanwhile: what was written is asked when all was compared.

    Raises:
        ImageError: the point cannot be read, the bitmap does not tell, or the disk is not served.
    """
    last = kept.chain.last
    if last is None:
        raise ImageError(f"chain {kept.chain.id} has no point that is complete")
    point = await asyncio.to_thread(at_point, kept, last.serial, disk)
    try:
        found = await _of_one_at_rest(point, source, on_progress)
        likeness, since, words = found or await _of_one_that_goes_on(point, source, on_progress)
    except NotPossible as reason:
        raise ImageError(plain(str(reason).removesuffix("."), 400)) from reason
    except QmpError as error:
        raise ImageError(plain(str(error), 400)) from error
    return SourceComparison(
        disk=disk, point=last.serial, likeness=likeness, written=since, words=words
    )


_Found = tuple[Likeness, int, str]
"""How they are, the bytes that were written since, and what is to be said of a difference."""


async def _of_one_at_rest(
    point: Source, source: SourceDisk, on_progress: OnProgress
) -> _Found | None:
    """Compare a disk that nothing was written to, without any file; None where something was."""
    if await source.written():
        return None
    meter = _meter(point, on_progress)
    async with source.served() as url:
        command = compare(point.top, point.image_format, url, "raw")
        answer = await run(command, meter.fraction)
    if await source.written():
        return None
    meter.end()
    if answer.status not in (IDENTICAL, DIFFERENT):
        raise ImageError(f"they cannot be compared: {answer.complaint}")
    said = [line.strip() for line in answer.out.splitlines() if line.strip()]
    likeness = Likeness.IDENTICAL if answer.status == IDENTICAL else Likeness.DIFFERENT
    return likeness, 0, plain(" ".join(said), 300)


async def _of_one_that_goes_on(
    point: Source, source: SourceDisk, on_progress: OnProgress
) -> _Found:
    """Compare what was not written since."""
    meter = _meter(point, on_progress)
    async with source.served() as url:
        found = await differences(point.top, point.image_format, url, meter.fraction)
        async with source.marks() as marks:
            since = await written(marks)
    meter.end()
    amount = sum(end - start for start, end in since)
    where = first_outside(found, since)
    if where is not None:
        return Likeness.DIFFERENT, amount, f"mismatch at offset {where}, not written since"
    if not found:
        return Likeness.IDENTICAL, amount, ""
    return Likeness.GONE_ON if amount >= point.virtual_size else Likeness.UNWRITTEN, amount, ""


def _meter(point: Source, on_progress: OnProgress) -> Meter:
    meter = Meter(point.virtual_size, on_progress)
    meter.begin("comparing", point.virtual_size)
    return meter
