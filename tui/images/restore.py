"""Restore a disk to a new image: written beside, compared with the backup, then given its name."""

import asyncio
import contextlib
import errno
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from tui.durable import settle
from tui.images.checksum import flush
from tui.images.commands import Command, ImageFormat, as_shell, compare, convert, measure
from tui.images.errors import Exists, ImageError, from_os
from tui.images.program import run
from tui.images.progress import Meter, OnProgress, nobody
from tui.images.source import Source
from tui.images.target import Place, find_place, unchanged
from tui.text import plain
from tui.units import size

_METADATA = 1 << 20
"""Bytes beyond what is measured: directories grow, and file systems keep books."""


class Measure(BaseModel):
    """QAPI `BlockMeasureInfo`: bytes that an image of what there is would take."""

    required: int


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What would be done; nothing is written yet.

    Attributes:
        source: what is restored.
        place: where it goes.
        image_format: of the new image.
        required: bytes it will take, about.
    """

    source: Source
    place: Place
    image_format: ImageFormat
    required: int

    @property
    def steps(self) -> tuple[Command, Command]:
        """What `qemu-img` is run with."""
        draft, to = self.place.draft, self.image_format
        top, known = self.source.top, self.source.image_format
        return (
            convert(top, draft, to=to, image_format=known),
            compare(top, known, draft, to.value),
        )

    def shell(self, *, overwrite: bool = False) -> str:
        """The whole restore for a POSIX shell, with no BlockDeck: the steps, then the name."""
        draft, path = str(self.place.draft), str(self.place.path)
        if overwrite and self.place.existing is not None:
            naming: tuple[Command, ...] = (("mv", "-fT", "--", draft, path),)
        else:
            naming = (("ln", "-T", "--", draft, path), ("rm", "--", draft))
        return as_shell((*self.steps, *naming))


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it: the file, its bytes on the disk, the seconds it took."""

    path: Path
    allocated: int
    seconds: float


async def plan_restore(source: Source, target: Path, image_format: ImageFormat) -> RestorePlan:
    """Look at everything that can be known before a byte is written.

    Raises:
        ImageError: it cannot be restored there; the sentence says why.
    """
    place = await asyncio.to_thread(find_place, target, source)
    answer = await run(measure(source.top, source.image_format))
    try:
        required = Measure.model_validate(json.loads(answer.out)).required + _METADATA
    except (ValueError, ValidationError):
        raise ImageError(f"the backup cannot be read: {answer.complaint}") from None
    if required > place.free:
        where = plain(str(place.path.parent), 200)
        raise ImageError(
            f"it takes {size(required)}, and {where} has room for {size(place.free)}",
            "Restore to another file system.",
        )
    return RestorePlan(source, place, image_format, required)


async def restore(
    plan: RestorePlan, *, overwrite: bool = False, on_progress: OnProgress = nobody
) -> Restored:
    """Carry a plan out. On every way out but success no draft is left, and what was there stays.

    Args:
        plan: as it was shown.
        overwrite: whether what is there now may go; it goes when all else is done and found good.
        on_progress: is told of bytes.

    Raises:
        Exists: the target is there, and it was not said that it may go.
        ImageError: it failed; the sentence says where.
    """
    began = time.monotonic()
    place = plan.place
    if place.existing is not None and not overwrite:
        raise Exists(f"there is {place.existing.words}", "Nothing was written.")
    await asyncio.to_thread(_make_draft, plan)
    try:
        await _write(plan, on_progress)
        allocated = await asyncio.to_thread(_name, plan)
    except OSError as error:
        raise from_os(error, plain(str(place.path), 200)) from error
    finally:
        # After success there is none by that name.
        with contextlib.suppress(FileNotFoundError):
            place.draft.unlink()
    return Restored(place.path, allocated, time.monotonic() - began)


def _make_draft(plan: RestorePlan) -> None:
    """An empty file that is surely ours, for `qemu-img` to write into.

    Raises:
        ImageError: there is something by that name.
    """
    draft, existing = plan.place.draft, plan.place.existing
    try:
        if plan.place.stale:
            draft.unlink(missing_ok=True)
        mode = existing.mode if existing is not None else 0o666
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(draft, flags, mode))
    except OSError as error:
        raise from_os(error, plain(str(draft), 200)) from error


async def _write(plan: RestorePlan, on_progress: OnProgress) -> None:
    converting, comparing = plan.steps
    length = plan.source.virtual_size
    meter = Meter(2 * length, on_progress)
    meter.begin("copying", length)
    answer = await run(converting, meter.fraction)
    if answer.status != 0:
        raise ImageError(f"the copy failed: {answer.complaint}", _hint(answer.err))
    meter.begin("comparing", length)
    answer = await run(comparing, meter.fraction)
    if answer.status != 0:
        said = answer.complaint if answer.status > 1 else plain(" ".join(answer.out.split()), 200)
        raise ImageError(
            f"the copy is not what the backup holds: {said}",
            "Verify the chain, and see whether the storage is sound.",
        )
    await flush(plan.place.draft)
    meter.end()


def _hint(said: str) -> str:
    if os.strerror(errno.ENOSPC) in said:
        return "Restore to another file system, or make room."
    return ""


def _name(plan: RestorePlan) -> int:
    """Give the draft its name, and tell the bytes it takes."""
    place = plan.place
    if not unchanged(place):
        what = "changed or came into use" if place.existing is not None else "came to be"
        raise ImageError(f"{plain(str(place.path), 200)} {what} meanwhile", "Name a new file.")
    allocated = place.draft.stat().st_blocks * 512
    if place.existing is not None:
        place.draft.replace(place.path)
    else:
        _name_new(place)
    settle(place.path.parent)
    return allocated


def _name_new(place: Place) -> None:
    """A name that nobody had; a link fails where somebody was faster, a rename would not."""
    try:
        os.link(place.draft, place.path)
    except FileExistsError as error:
        shown = plain(str(place.path), 200)
        raise ImageError(f"{shown} came to be meanwhile", "Name a new file.") from error
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        # A file system without links: a name that is ours first, then the file over it.
        os.close(os.open(place.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        place.draft.replace(place.path)
