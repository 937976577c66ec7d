"""What is restored: a disk at a point of a chain, or an image with those it stands on."""

from dataclasses import dataclass
from pathlib import Path

from tui.chain.directory import Kept
from tui.chain.manifest import Point
from tui.host.image import read_header
from tui.host.locks import has_writer
from tui.images.errors import ImageError, from_os
from tui.images.header import NotQcow2, read_qcow2
from tui.images.soundness import faults
from tui.text import plain

_MOST_LAYERS = 1000


@dataclass(frozen=True, slots=True)
class Source:
    """One disk at one moment.

    Attributes:
        words: what it is, for the operator.
        top: the image that is read; those it stands on are found by its header.
        image_format: of the top.
        layers: all that are read, the full one first.
        untouchable: every file that a restore must never write over, these among them.
        virtual_size: of the disk, bytes.
        doubts: what is to be known of it all the same.
    """

    words: str
    top: Path
    image_format: str
    layers: tuple[Path, ...]
    untouchable: tuple[Path, ...]
    virtual_size: int
    doubts: tuple[str, ...] = ()


def at_point(kept: Kept, serial: int, disk: str) -> Source:
    """A disk at a point of a chain. It waits for the disk: it is for threads.

    Raises:
        ImageError: there is no such point, or its images do not hold together.
    """
    point = complete_point(kept, serial)
    if disk not in point.images:
        there = ", ".join(plain(name) for name in point.images)
        raise ImageError(f"point {serial} has no disk {plain(disk)}", f"It has: {there}")
    doubts = []
    for step in kept.chain.lineage(point):
        for fault in faults(kept, step, step.images[disk]):
            if fault.gravity.grave:
                raise ImageError(f"{fault.where} {fault.what}", fault.advice)
            doubts.append(f"{fault.where} {fault.what}")
    image = point.images[disk]
    # As the kernel resolves it: QEMU takes what comes before a colon of a relative name otherwise.
    directory = kept.directory.absolute()
    named = {directory / name for name in (*kept.chain.files(), *kept.chain.surplus)}
    layers = (directory / step.images[disk].file for step in kept.chain.lineage(point))
    return Source(
        words=f"{plain(disk)} of {plain(kept.chain.vm)} at point {serial}",
        top=directory / image.file,
        image_format=image.format,
        layers=tuple(layers),
        untouchable=(*sorted(named), kept.path.absolute()),
        virtual_size=image.virtual_size,
        doubts=tuple(doubts),
    )


def complete_point(kept: Kept, serial: int) -> Point:
    """The point of that number, if it can be restored.

    Raises:
        ImageError: it cannot.
    """
    point = kept.chain.point(serial)
    serials = ", ".join(str(each.serial) for each in kept.chain.points if each.complete)
    there = f"It has: {serials}" if serials else "It has none that is complete."
    if point is None:
        raise ImageError(f"chain {kept.chain.id} has no point {serial}", there)
    if not point.complete:
        raise ImageError(f"point {serial} is not complete: its backup has not succeeded", there)
    return point


def of_image(path: Path) -> Source:
    """An image without a manifest, with those under it as their headers name them.

    It waits for the disk: it is for threads.

    Raises:
        ImageError: it cannot be read, or its headers lead to what is no file of this host.
    """
    layers: list[Path] = []
    seen: set[Path] = set()
    doubts: list[str] = []
    named: str | None = None
    size, top_format = 0, ""
    step: Path | None = path.absolute()
    while step is not None:
        real = step.resolve()
        if len(layers) >= _MOST_LAYERS or real in seen:
            raise ImageError(f"{plain(str(path))} stands on itself")
        image_format, virtual_size, backing, backing_format = _look(step, named)
        size, top_format = size or virtual_size, top_format or image_format
        layers.append(step)
        seen.add(real)
        if backing is not None and backing_format is None:
            doubts.append(f"{plain(step.name)} does not say of which format {plain(backing)} is")
        named = backing_format
        step = _beneath(step, backing)
    return Source(
        words=plain(path.name),
        top=layers[0],
        image_format=top_format,
        layers=tuple(reversed(layers)),
        untouchable=tuple(layers),
        virtual_size=size,
        doubts=tuple(doubts),
    )


def _look(path: Path, named: str | None) -> tuple[str, int, str | None, str | None]:
    """Format, virtual size, and what it stands on with its format."""
    try:
        if has_writer(path.stat()):
            advice = "What is written to has no content that could be restored."
            raise ImageError(f"{plain(str(path))} is being written to by a QEMU", advice)
        if named == "raw":
            return "raw", path.stat().st_size, None, None
        header = read_qcow2(path)
    except NotQcow2 as error:
        plain_header = read_header(path)
        if named in (None, "raw") and plain_header.image_format is None:
            return "raw", path.stat().st_size, None, None
        raise ImageError(f"{plain(str(path))} {error}") from error
    except OSError as error:
        raise from_os(error, plain(str(path))) from error
    if header.data_file:
        raise ImageError(f"{plain(str(path))} keeps its data in another file")
    return "qcow2", header.virtual_size, header.backing_file, header.backing_format


def _beneath(image: Path, backing: str | None) -> Path | None:
    if backing is None:
        return None
    before, colon, _ = backing.partition(":")
    if colon and "/" not in before:
        where = f"{plain(image.name)} stands on {plain(backing, 200)}"
        raise ImageError(f"{where}, which is no plain file of this host")
    return image.parent / backing
