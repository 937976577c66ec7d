"""Chains as backups leave them: manifest, images, and the bytes each disk had at each point."""

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.qemu import qemu_img
from tui.chain.directory import Kept, write_chain
from tui.chain.manifest import Chain, ChainDisk, Point, PointImage, PointKind, PointState
from tui.demo.qemu_binary import find_qemu

MIB = 1 << 20
KIB64 = 64 << 10
DISK = 4 * MIB
START = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)

Write = tuple[int, int, int]
"""Offset, length, byte."""


@dataclass
class Built:
    """A chain on the disk.

    Attributes:
        kept: as it would be read.
        expected: the bytes of each disk at each point.
    """

    kept: Kept
    expected: dict[tuple[int, str], bytes] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        return self.kept.directory

    def image(self, serial: int, disk: str = "sda") -> Path:
        point = self.kept.chain.point(serial)
        assert point is not None
        return self.directory / point.images[disk].file


def build(
    directory: Path,
    points: Sequence[Mapping[str, Sequence[Write]]],
    *,
    fulls: Sequence[int] = (),
    chain: str = "0badcafe",
    vm: str = "web",
    size: int = DISK,
    every: timedelta = DAY,
    start: datetime = START,
) -> Built:
    """A chain with these writes before each point.

    Args:
        directory: where it goes.
        points: by disk, what the guest wrote between the point before and this one.
        fulls: serials, besides 1, that hold all of the disk.
        chain: its id.
        vm: the VM's name.
        size: of each disk.
        every: the time between two points.
        start: the time of the first.
    """
    directory.mkdir(exist_ok=True)
    names = sorted(points[0])
    now = {name: bytearray(size) for name in names}
    disks = tuple(
        ChainDisk(name=name, device=f"drive-{name}", node=f"#{name}", virtual_size=size)
        for name in names
    )
    built: list[Point] = []
    expected = {}
    for serial, writes in enumerate(points, 1):
        full = serial == 1 or serial in fulls
        images = {}
        for name in names:
            for offset, length, byte in writes.get(name, ()):
                now[name][offset : offset + length] = bytes([byte]) * length
            file = f"{vm}-{name}-{chain}-{serial}.qcow2"
            backing = None if full else built[-1].images[name].file
            path = directory / file
            _create(path, backing, size)
            clusters = [(0, size)] if full else [_clusters(w, size) for w in writes.get(name, ())]
            _write(path, clusters, bytes(now[name]))
            images[name] = describe(path, size, backing)
            expected[serial, name] = bytes(now[name])
        point = Point(
            serial=serial,
            kind=PointKind.FULL if full else PointKind.INCREMENTAL,
            parent=None if full else serial - 1,
            state=PointState.COMPLETE,
            started=start + (serial - 1) * every,
            ended=start + (serial - 1) * every + timedelta(minutes=1),
            images=images,
        )
        built.append(point)
    made = Chain(id=chain, vm=vm, disks=disks, points=tuple(built))
    path = write_chain(directory, made)
    return Built(Kept(path, made), expected)


def describe(path: Path, size: int, backing: str | None) -> PointImage:
    """An image as the manifest tells of it."""
    found = path.stat()
    return PointImage(
        file=path.name,
        backing=backing,
        virtual_size=size,
        allocated=found.st_blocks * 512,
        file_size=found.st_size,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def _clusters(write: Write, size: int) -> tuple[int, int]:
    """What a bitmap would have of a write."""
    offset, length, _ = write
    return offset // KIB64 * KIB64, min(size, -(-(offset + length) // KIB64) * KIB64)


def _create(path: Path, backing: str | None, size: int) -> None:
    under = ("-b", backing, "-F", "qcow2") if backing else ()
    qemu_img("create", "-q", "-f", "qcow2", *under, path, str(size))


def _write(path: Path, ranges: Sequence[tuple[int, int]], content: bytes) -> None:
    """Write runs of equal bytes, as a backup would have copied them."""
    commands = []
    for start, end in ranges:
        at = start
        while at < end:
            stop = at
            while stop < end and content[stop : stop + 512] == content[at : at + 512]:
                stop += 512
            commands.append(f"write -q -P {content[at]} {at} {stop - at}")
            at = stop
    for at in range(0, len(commands), 200):
        words = [word for command in commands[at : at + 200] for word in ("-c", command)]
        io = find_qemu().img.with_name("qemu-io")
        subprocess.run([io, "-f", "qcow2", *words, path], check=True, timeout=60)


def content(image: Path, image_format: str = "qcow2") -> bytes:
    """What a guest would read from an image."""
    if image_format == "raw":
        return image.read_bytes()
    raw = image.with_name(f"{image.name}.raw-look")
    qemu_img("convert", "-f", image_format, "-O", "raw", image, raw)
    try:
        return raw.read_bytes()
    finally:
        raw.unlink()


def three_points(directory: Path) -> Built:
    """A full backup and two increments, of one disk."""
    return build(
        directory,
        [
            {"sda": [(0, 2 * MIB, 1), (3 * MIB, KIB64, 2)]},
            {"sda": [(MIB, KIB64, 3)]},
            {"sda": [(MIB, 4096, 4), (3 * MIB, 512, 5)]},
        ],
    )
