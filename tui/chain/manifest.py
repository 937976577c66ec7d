"""What is written beside the images of a chain, so that they can be understood without their VM.

A chain is one file `NAME.chain.json` in the directory of its images. All file names in it are
relative to that directory: a copy of the directory is the chain. A point is the state of one or
more disks at one moment; its images hold the whole disk (*full*) or what was written since the
point before it (*incremental*), and then stand on the images of that point.

The dirty bitmap of a point, `blockdeck-CHAIN-SERIAL`, is added in the transaction that starts the
point's backup, and so records what is written after it. The next backup copies by it and leaves it
as it is; when that backup has succeeded, and only then, it is removed. Whatever is lost between two
backups, the bitmap of the last complete point still tells what the next one needs.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

SUFFIX = ".chain.json"
BITMAP_PREFIX = "blockdeck-"
_BITMAP = re.compile(r"blockdeck-(?P<chain>[0-9a-f]{8})-(?P<serial>[1-9][0-9]*)")


def _is_beside(name: str) -> str:
    """A name of a file in the chain's own directory, and of no other."""
    if name in {"", ".", ".."} or "\0" in name or PurePosixPath(name).name != name:
        raise ValueError(f"{name!r} is no file name")
    return name


ChainId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
FileName = Annotated[str, AfterValidator(_is_beside)]
DiskName = Annotated[str, Field(min_length=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Bytes = Annotated[int, Field(ge=0)]


class PointKind(StrEnum):
    """Whether the images of a point hold all of the disks, or what changed since its parent."""

    FULL = "full"
    INCREMENTAL = "incremental"


class PointState(StrEnum):
    """How far a point has come; only what is complete can be restored or built on."""

    RUNNING = "running"
    COMPLETE = "complete"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class PointImage(_Model):
    """One disk at one point.

    `virtual_size`, `allocated` and `file_size` are bytes; `sha256` is of the file as it lies there,
    None as long as it was not taken. `backing` is the file it stands on, None for a full one.
    """

    file: FileName
    format: Literal["qcow2"] = "qcow2"
    backing: FileName | None = None
    virtual_size: Bytes
    allocated: Bytes | None = None
    file_size: Bytes | None = None
    sha256: Sha256 | None = None


class PointBitmap(_Model):
    """The bitmap that records what is written after a point, of the same name on each disk.

    `persistent` are the disks whose own image keeps it; on the others it ends with QEMU.
    """

    name: str
    persistent: tuple[DiskName, ...] = ()


class PointArguments(_Model):
    """What was asked for when a point was made.

    `speed` is bytes a second for each disk, 0 is no limit. `fleece` is the directory of what the
    guest overwrites meanwhile, "" is none. `freeze` is whether the guest was to be frozen, `agent`
    the socket by which it was. `grouped` is whether the backups of its disks were to end together.
    """

    speed: Bytes = 0
    compress: bool = False
    fleece: str = ""
    freeze: bool = False
    agent: str = ""
    grouped: bool = True


class Point(_Model):
    """The disks of a chain at one moment.

    `bitmap` and `arguments` are None where a manifest of version 1 does not tell. `job_ids` are
    those of the backup, a disk each; `commands` are all that QEMU was sent for it, in order: the
    last one started the backup. `frozen_seconds` is how long the guest's file systems were frozen
    for it, None if they were not.
    """

    serial: Annotated[int, Field(ge=1)]
    kind: PointKind
    parent: int | None = None
    state: PointState = PointState.RUNNING
    started: AwareDatetime
    ended: AwareDatetime | None = None
    images: Mapping[DiskName, PointImage]
    bitmap: PointBitmap | None = None
    arguments: PointArguments | None = None
    job_ids: Mapping[DiskName, str] = {}
    commands: tuple[Mapping[str, Any], ...] = ()
    frozen_seconds: float | None = None

    @model_validator(mode="after")
    def _stands_on_its_parent(self) -> Self:
        full = self.kind is PointKind.FULL
        if full != (self.parent is None):
            raise ValueError(f"point {self.serial}: {self.kind} and parent do not agree")
        if any(full != (image.backing is None) for image in self.images.values()):
            raise ValueError(f"point {self.serial}: {self.kind} and backing do not agree")
        if not self.images:
            raise ValueError(f"point {self.serial} has no image")
        return self

    @property
    def complete(self) -> bool:
        """Whether it can be restored and built on."""
        return self.state is PointState.COMPLETE


class ChainDisk(_Model):
    """A disk of the VM: `name` as in the file names, `device` and `node` as QEMU had them."""

    name: DiskName
    device: str
    node: str
    virtual_size: Bytes


class Chain(_Model):
    """A chain: its disks, and its points in the order in which they were made.

    `surplus` are files that no point names: images that are being made to take the place of others,
    or those whose place was taken. Whoever finds them, and is alone with the chain, deletes them.
    """

    version: Literal[2] = 2
    id: ChainId
    vm: str
    uuid: str = ""
    disks: tuple[ChainDisk, ...]
    points: tuple[Point, ...] = ()
    surplus: tuple[FileName, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_version_1(cls, read: Any) -> Any:
        """A manifest as it was written first: of the commands it has the last one alone."""
        if not isinstance(read, dict) or read.get("version") != 1:
            return read
        points = read.get("points", [])
        if not isinstance(points, list):
            return read
        return {**read, "version": 2, "points": [_point_of_version_1(point) for point in points]}

    @model_validator(mode="after")
    def _is_one_chain(self) -> Self:
        names = {disk.name for disk in self.disks}
        if len(names) != len(self.disks) or not names:
            raise ValueError("a chain has disks, each with a name of its own")
        before: dict[int, Point] = {}
        for point in self.points:
            if any(serial >= point.serial for serial in before):
                raise ValueError(f"point {point.serial} is out of order")
            if set(point.images) != names:
                raise ValueError(f"point {point.serial} is not of the disks of its chain")
            _stands(point, before)
            before[point.serial] = point
        files = [image.file for point in self.points for image in point.images.values()]
        if len(set(files)) != len(files):
            raise ValueError("two points share a file")
        if shared := sorted(set(files) & set(self.surplus)):
            raise ValueError(f"{shared[0]} is of a point, and surplus")
        return self

    @property
    def last(self) -> Point | None:
        """The newest point that is complete: the next increment stands on it."""
        return next((point for point in reversed(self.points) if point.complete), None)

    def point(self, serial: int) -> Point | None:
        """The point of that number."""
        return next((point for point in self.points if point.serial == serial), None)

    def lineage(self, point: Point) -> tuple[Point, ...]:
        """The points that its images stand on, from its full one to itself."""
        found = [point]
        while found[-1].parent is not None:
            parent = self.point(found[-1].parent)
            assert parent is not None  # by `_is_one_chain`
            found.append(parent)
        return tuple(reversed(found))

    def files(self) -> Iterator[str]:
        """The names of all images."""
        for point in self.points:
            for image in point.images.values():
                yield image.file

    def with_point(self, point: Point) -> Self:
        """The same with one more point, or with another state of one that it has."""
        others = {p.serial: p for p in self.points} | {point.serial: point}
        points = tuple(others[serial] for serial in sorted(others))
        return self.model_validate(self.model_copy(update={"points": points}).model_dump())

    def without_point(self, serial: int) -> Self:
        """The same without a point that nothing stands on.

        Raises:
            ValueError: another point stands on it.
        """
        points = tuple(point for point in self.points if point.serial != serial)
        return self.model_validate(self.model_copy(update={"points": points}).model_dump())


def _point_of_version_1(point: Any) -> Any:
    if not isinstance(point, dict):
        return point
    rest = {name: value for name, value in point.items() if name != "command"}
    return {**rest, "commands": [point["command"]]} if point.get("command") else rest


def _stands(point: Point, before: Mapping[int, Point]) -> None:
    """Whether an incremental point stands on the images of a complete point of its chain."""
    if point.parent is None:
        return
    parent = before.get(point.parent)
    if parent is None or not parent.complete:
        raise ValueError(f"point {point.serial} stands on {point.parent}, which is not there")
    for name, image in point.images.items():
        if image.backing != parent.images[name].file:
            raise ValueError(f"{image.file} does not stand on {parent.images[name].file}")


def bitmap_name(chain: str, serial: int) -> str:
    """The bitmap that records what is written after a point."""
    return f"{BITMAP_PREFIX}{chain}-{serial}"


def chain_of_bitmap(name: str) -> tuple[str, int] | None:
    """The chain and the point that a bitmap belongs to; None for a bitmap of somebody else."""
    match = _BITMAP.fullmatch(name)
    return (match["chain"], int(match["serial"])) if match else None
