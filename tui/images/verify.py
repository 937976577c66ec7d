"""Verify a chain: what is there, as it was written, in order, and as the source was."""

import asyncio
import json
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tui.chain.directory import Kept
from tui.chain.manifest import Point, PointImage, PointState
from tui.host.image import read_header
from tui.host.locks import has_writer, is_locked
from tui.images.checksum import sha256
from tui.images.commands import check, compare
from tui.images.errors import ImageError, from_os
from tui.images.findings import Finding, Gravity
from tui.images.program import run
from tui.images.progress import Meter, OnProgress, nobody
from tui.images.soundness import faults, needing
from tui.images.source import at_point, complete_point
from tui.images.strangers import moved_to, unnamed
from tui.text import plain

_AGAIN = "Bring it back from another copy, or make a new full backup."
IDENTICAL, DIFFERENT = 0, 1


class CheckReport(BaseModel):
    """What `qemu-img check --output=json` tells (QAPI `ImageCheck`)."""

    model_config = ConfigDict(populate_by_name=True)

    check_errors: int = Field(0, alias="check-errors")
    corruptions: int = 0
    leaks: int = 0


class Verification(BaseModel):
    """What came of it.

    `sound` are the serials of the points that can be restored as they were, as far as was looked;
    `lost` the others. `read` are bytes, `unsummed` the files whose checksum was never taken.
    """

    model_config = ConfigDict(frozen=True)

    chain: str
    manifest: str
    sound: tuple[int, ...]
    lost: tuple[int, ...]
    findings: tuple[Finding, ...]
    images: int
    unsummed: tuple[str, ...]
    read: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every point that was looked at can be restored as it was."""
        return not self.lost and not any(finding.gravity.grave for finding in self.findings)


async def verify(
    kept: Kept, serial: int | None = None, on_progress: OnProgress = nobody
) -> Verification:
    """Look at every image of a chain, or of those a point stands on.

    Args:
        kept: the chain.
        serial: a point; None is all of the chain.
        on_progress: is told of bytes.

    Raises:
        ImageError: there is no such point, or no `qemu-img`.
    """
    began = time.monotonic()
    chain = kept.chain
    points = chain.points if serial is None else chain.lineage(complete_point(kept, serial))
    looked = tuple(point for point in points if point.complete)
    images = [image for point in looked for image in point.images.values()]
    findings: list[Finding] = []
    if serial is None:
        findings += await asyncio.to_thread(_around, kept)
    sizes = {image.file: await asyncio.to_thread(_size, kept, image) for image in images}
    meter = Meter(sum(sizes.values()), on_progress)
    read = 0
    # What stands on something else than it should leads qemu-img astray: its checksum has to do.
    astray: set[tuple[int, str]] = set()
    for point in looked:
        for disk, image in point.images.items():
            meter.begin(plain(image.file), sizes[image.file])
            bad = await asyncio.to_thread(_faults, kept, point, image)
            if any(one.gravity.grave for one in bad):
                astray.add((point.serial, disk))
                if not (kept.directory / image.file).exists():
                    bad = [await _sought(kept, image, one) for one in bad]
            else:
                led = any((step.serial, disk) in astray for step in chain.lineage(point))
                bad += await _content(kept, point, image, meter, checked=not led)
                read += sizes[image.file]
            findings += bad
    meter.end()
    lost = {serial for one in findings if one.gravity.grave for serial in one.points}
    serials = [point.serial for point in looked]
    return Verification(
        chain=chain.id,
        manifest=str(kept.path),
        sound=tuple(serial for serial in serials if serial not in lost),
        lost=tuple(serial for serial in serials if serial in lost),
        findings=tuple(findings),
        images=len(images),
        unsummed=tuple(image.file for image in images if image.sha256 is None),
        read=read,
        seconds=time.monotonic() - began,
    )


def _faults(kept: Kept, point: Point, image: PointImage) -> list[Finding]:
    return list(faults(kept, point, image))


def _size(kept: Kept, image: PointImage) -> int:
    try:
        return (kept.directory / image.file).stat().st_size
    except OSError:
        return 0


def _around(kept: Kept) -> list[Finding]:
    """What is to be known of the chain as a whole."""
    found = []
    for point in kept.chain.points:
        if point.state is PointState.RUNNING:
            what = f"point {point.serial} is not complete: its backup runs, or was given up"
            found.append(Finding(gravity=Gravity.NOTE, where=kept.path.name, what=what))
    if kept.chain.surplus:
        what = f"names {len(kept.chain.surplus)} files that a prune has left"
        advice = "The next prune deletes them."
        found.append(Finding(gravity=Gravity.NOTE, where=kept.path.name, what=what, advice=advice))
    for name in unnamed(kept):
        what = "is an image that no manifest of its directory names"
        found.append(Finding(gravity=Gravity.NOTE, where=plain(name), what=what))
    return found


async def _sought(kept: Kept, image: PointImage, finding: Finding) -> Finding:
    name = await moved_to(kept, image)
    if name is None:
        return finding
    what = f"is not there, but has the name {plain(name)} now"
    return finding.model_copy(update={"what": what, "advice": "Give it its name again."})


async def _content(
    kept: Kept, point: Point, image: PointImage, meter: Meter, *, checked: bool
) -> list[Finding]:
    """What its bytes tell: the checksum and, if it is to be `checked`, qemu-img of the metadata."""
    path = (kept.directory / image.file).absolute()
    where, points = plain(image.file), needing(kept, point)
    bad = []

    def found(gravity: Gravity, what: str, advice: str) -> None:
        bad.append(Finding(gravity=gravity, where=where, what=what, advice=advice, points=points))

    size = path.stat().st_size
    if image.file_size is not None and size != image.file_size:
        found(Gravity.DAMAGED, f"has {size} bytes, and had {image.file_size}", _AGAIN)
    if image.sha256 is not None:
        try:
            now = await sha256(path, meter.at)
        except OSError as error:
            found(Gravity.DAMAGED, f"cannot be read: {error.strerror}", _AGAIN)
            return bad
        if now != image.sha256:
            found(Gravity.DAMAGED, "has changed since it was written: its SHA-256 differs", _AGAIN)
    if not checked:
        return bad
    for gravity, what, advice in await metadata_faults(path):
        found(gravity, what, advice)
    return bad


async def metadata_faults(path: Path) -> list[tuple[Gravity, str, str]]:
    """What `qemu-img check` finds in a qcow2 image: how grave, what it is, what to do about it."""
    answer = await run(check(path))
    try:
        report = CheckReport.model_validate(json.loads(answer.out))
    except (ValueError, ValidationError):
        return [(Gravity.DAMAGED, f"cannot be checked: {answer.complaint}", _AGAIN)]
    if report.corruptions or report.check_errors:
        errors = report.corruptions + report.check_errors
        return [(Gravity.DAMAGED, f"qemu-img check finds {errors} errors in its metadata", _AGAIN)]
    if report.leaks:
        words = f"holds {report.leaks} clusters that nothing uses"
        return [(Gravity.NOTE, words, "They only take room.")]
    return []


class Comparison(BaseModel):
    """Whether a disk at a point is the same as an image; `words` tell where it is not."""

    model_config = ConfigDict(frozen=True)

    identical: bool
    words: str


async def compare_with(
    kept: Kept, serial: int, disk: str, other: Path, on_progress: OnProgress = nobody
) -> Comparison:
    """Compare a disk at a point with an image that holds that point, too.

    A disk that a VM runs on is refused: as long as it is that of the last point, it is for
    `compare_with_source`.

    Raises:
        ImageError: one of them cannot be read, or is in use.
    """
    source = await asyncio.to_thread(at_point, kept, serial, disk)
    try:
        beside = await asyncio.to_thread(other.absolute)
        stands = await asyncio.to_thread(beside.stat)
        other_format = (await asyncio.to_thread(read_header, other)).image_format or "raw"
    except OSError as error:
        raise from_os(error, plain(str(other))) from error
    if has_writer(stands) or is_locked(stands):
        raise ImageError(
            f"{plain(str(other))} is in use by a running QEMU",
            "If it is the chain's own disk, QEMU can serve it to be compared with the last point: "
            "choose the VM's own disk, or give --source. Else compare with another copy of that "
            "moment.",
        )
    meter = Meter(source.virtual_size, on_progress)
    meter.begin("comparing", source.virtual_size)
    command = compare(source.top, source.image_format, beside, other_format)
    answer = await run(command, meter.fraction)
    if answer.status not in (IDENTICAL, DIFFERENT):
        raise ImageError(f"they cannot be compared: {answer.complaint}")
    said = [line.strip() for line in answer.out.splitlines() if line.strip()]
    return Comparison(identical=answer.status == IDENTICAL, words=plain(" ".join(said), 300))
