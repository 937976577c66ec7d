"""What is in a directory of backups: chains by their manifests, and what the images themselves say.

Everything is told by the files that lie there, and all names are relative: a copy of the directory
says the same. It waits for the disk: it is for threads.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tui.chain.directory import Kept, NoManifest, chains_in
from tui.chain.manifest import SUFFIX, Point, PointImage
from tui.host.image import ImageHeader, read_header

_DEEPEST = 1000


class ImageState(StrEnum):
    """What is found where an image should be."""

    THERE = "there"
    MISSING = "missing"
    CHANGED = "changed"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is there: its name in the directory, its size in bytes and its header."""

    name: str
    size: int
    header: ImageHeader


@dataclass(frozen=True, slots=True)
class CatalogImage:
    """An image of a point. `words` say what is wrong with it, and are empty if nothing is."""

    disk: str
    image: PointImage
    state: ImageState
    words: str = ""


@dataclass(frozen=True, slots=True)
class CatalogPoint:
    """A point. `restorable` is whether it is complete, and all that it stands on is there."""

    point: Point
    images: tuple[CatalogImage, ...]
    restorable: bool

    @property
    def allocated(self) -> int | None:
        """The bytes its images take; None where the manifest does not tell."""
        sizes = [image.image.allocated for image in self.images]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None

    @property
    def state(self) -> str:
        """In a word how it stands."""
        if not self.point.complete:
            return "unfinished"
        if self.problems:
            return "DAMAGED"
        return "complete" if self.restorable else "BROKEN BELOW"

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with its own images."""
        return tuple(image.words for image in self.images if image.words)


@dataclass(frozen=True, slots=True)
class CatalogChain:
    """A chain and how its points are found."""

    kept: Kept
    points: tuple[CatalogPoint, ...]

    def point(self, serial: int) -> CatalogPoint | None:
        """The point of that number."""
        return next((found for found in self.points if found.point.serial == serial), None)


@dataclass(frozen=True, slots=True)
class Stack:
    """Images that no manifest tells of, from the lowest up: each stands on the one before it.

    `below` is what the lowest of them stands on, None if on nothing; `missing` whether that is
    not there.
    """

    images: tuple[Found, ...]
    below: str | None = None
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Catalog:
    """All of a directory.

    `stacks` are guessed from backing files: a manifest is missing, or they are somebody else's.
    `bad` are the manifests that cannot be read.
    """

    directory: Path
    chains: tuple[CatalogChain, ...] = ()
    stacks: tuple[Stack, ...] = ()
    bad: tuple[NoManifest, ...] = ()

    def chain(self, chain_id: str) -> CatalogChain | None:
        """The chain of that id."""
        return next((found for found in self.chains if found.kept.chain.id == chain_id), None)


def read_catalog(directory: Path) -> Catalog:
    """Look at all that is in a directory.

    Raises:
        OSError: it cannot be read.
    """
    kept, bad = chains_in(directory)
    found, unreadable = _images(directory)
    known = {name for one in kept for name in one.chain.files()}
    strangers = {name: image for name, image in found.items() if name not in known}
    return Catalog(
        directory,
        tuple(_chain(one, found, unreadable, strangers) for one in kept),
        tuple(_stacks(strangers, found)),
        bad,
    )


def _images(directory: Path) -> tuple[dict[str, Found], dict[str, str]]:
    """The images of a directory by name, and why files cannot be read."""
    found, unreadable = {}, {}
    with os.scandir(directory) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        if name.startswith(".") or name.endswith(SUFFIX):
            continue
        path = directory / name
        try:
            seen = path.stat()
            if stat.S_ISREG(seen.st_mode):
                found[name] = Found(name, seen.st_size, read_header(path))
        except OSError as error:
            unreadable[name] = error.strerror or str(error)
    return found, unreadable


def _chain(
    kept: Kept,
    found: Mapping[str, Found],
    unreadable: Mapping[str, str],
    strangers: Mapping[str, Found],
) -> CatalogChain:
    points: dict[int, CatalogPoint] = {}
    for point in kept.chain.points:
        images = tuple(
            _image(disk, image, point, found, unreadable, strangers)
            for disk, image in point.images.items()
        )
        below = points.get(point.parent) if point.parent is not None else None
        whole = point.complete and all(image.state is ImageState.THERE for image in images)
        stands = point.parent is None or (below is not None and below.restorable)
        points[point.serial] = CatalogPoint(point, images, whole and stands)
    return CatalogChain(kept, tuple(points.values()))


def _image(
    disk: str,
    image: PointImage,
    point: Point,
    found: Mapping[str, Found],
    unreadable: Mapping[str, str],
    strangers: Mapping[str, Found],
) -> CatalogImage:
    there = found.get(image.file)
    if image.file in unreadable:
        words = f"{image.file} cannot be read: {unreadable[image.file]}"
        return CatalogImage(disk, image, ImageState.UNREADABLE, words)
    if there is None:
        like = [name for name, other in strangers.items() if _is_like(image, other)]
        moved = f"; {' or '.join(like)} may be it" if like and point.complete else ""
        return CatalogImage(disk, image, ImageState.MISSING, f"{image.file} is missing{moved}")
    words = _change(image, there) if point.complete else ""
    return CatalogImage(disk, image, ImageState.CHANGED if words else ImageState.THERE, words)


def _is_like(image: PointImage, other: Found) -> bool:
    return image.file_size == other.size and not _change(image, other)


def _change(image: PointImage, there: Found) -> str:
    """In what a file is not the image that was made; its content is for a checksum to tell."""
    header = there.header
    if header.image_format != image.format:
        return f"{there.name} is no {image.format} image"
    if header.virtual_size != image.virtual_size:
        return f"{there.name} is of a disk of {header.virtual_size} bytes, not {image.virtual_size}"
    if header.backing_file != image.backing:
        stands = header.backing_file or "nothing"
        return f"{there.name} stands on {stands}, not on {image.backing or 'nothing'}"
    if image.file_size is not None and there.size != image.file_size:
        return f"{there.name} has {there.size} bytes, not {image.file_size}"
    return ""


# --- without a manifest --------------------------------------------------------------------------


def _stacks(strangers: Mapping[str, Found], found: Mapping[str, Found]) -> Iterator[Stack]:
    """Each image that nothing stands on, with all that it stands on.

    A raw file is told of only where something stands on it: else it need not be an image at all.
    """
    stood_on = {
        image.header.backing_file for image in strangers.values() if image.header.backing_file
    }
    for name, image in strangers.items():
        if name in stood_on or image.header.image_format is None:
            continue
        stack, below = [image], image.header.backing_file
        while below is not None and len(stack) < _DEEPEST:
            lower = strangers.get(below)
            if lower is None or lower in stack:
                break
            stack.append(lower)
            below = lower.header.backing_file
        yield Stack(tuple(reversed(stack)), below, below is not None and below not in found)
