"""What a chain's tests share: a VM with disks, a mirror of its writes, points held against it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.qemu import PC, Vm, qemu_img
from tests.worker.disks import MIB
from tui.chain.directory import Kept, read_chain

SIZE = 4 * MIB

State = dict[str, bytes]
"""What each disk holds at one moment."""


@dataclass
class Mirror:
    """The disks of a VM as they must be: every write goes to both.

    Attributes:
        disks: by the name of the device.
        points: by chain and serial, how the disks may be at that point: as at one of these moments.
    """

    vm: Vm
    disks: dict[str, bytearray]
    points: dict[tuple[str, int], Sequence[State]] = field(default_factory=dict)

    async def write(self, device: str, offset: int, length: int, byte: int) -> None:
        """Write to a disk and wait until it is done; 0 is written as zeroes are."""
        how = f"-P {byte}" if byte else "-z"
        command = f'qemu-io {device} "write -q {how} {offset} {length}"'
        said = await self.vm.qmp("human-monitor-command", command_line=command)
        assert said == "", said
        self.disks[device][offset : offset + length] = bytes([byte]) * length

    def now(self) -> State:
        """The disks at this moment."""
        return {name: bytes(disk) for name, disk in self.disks.items()}


def make_disks(directory: Path, formats: Sequence[str], size: int = SIZE) -> dict[str, Path]:
    """Images for drives d0, d1… of these formats, each half full of a byte of its own."""
    disks = {}
    for number, fmt in enumerate(formats):
        raw = directory / f"disk{number}.raw"
        raw.write_bytes(bytes([0xA0 + number]) * (size // 2) + bytes(size // 2))
        path = raw
        if fmt != "raw":
            path = directory / f"disk{number}.{fmt}"
            qemu_img("convert", "-f", "raw", "-O", fmt, raw, path)
        disks[f"d{number}"] = path
    return disks


def drives(disks: dict[str, Path], *, plugged: bool = False) -> list[str]:
    """The options of a VM with these disks; `plugged` are those that a guest has at devices."""
    options = list(PC) if plugged else []
    for name, path in disks.items():
        fmt = path.suffix[1:]
        options += ["-drive", f"if=none,id={name},file={path},format={fmt},discard=unmap"]
        if plugged:
            options += ["-device", f"virtio-blk-pci,drive={name}"]
    return options


def held(disks: dict[str, Path]) -> dict[str, bytearray]:
    """What disks hold that no QEMU has open."""
    return {name: bytearray(content(path)) for name, path in disks.items()}


def content(image: Path) -> bytes:
    """All that an image holds, by way of what it stands on."""
    out = image.with_name(f".{image.name}.check")
    try:
        qemu_img("convert", "-f", image.suffix[1:], "-O", "raw", image, out)
        return out.read_bytes()
    finally:
        out.unlink(missing_ok=True)


def check_points(kept: Kept, mirror: Mirror) -> list[int]:
    """Hold every complete point of a chain against the mirror; tells which there are."""
    chain = read_chain(kept.path).chain
    complete = [point for point in chain.points if point.complete]
    for point in complete:
        found = {n: content(kept.directory / i.file) for n, i in point.images.items()}
        moments = mirror.points[chain.id, point.serial]
        expected = [{name: moment[name] for name in found} for moment in moments]
        assert found in expected, [
            difference(found[name], expected[-1][name], point.images[name].file) for name in found
        ]
        # From now on it is that one and no other.
        mirror.points[chain.id, point.serial] = [moments[expected.index(found)]]
    return [point.serial for point in complete]


def difference(found: bytes, expected: bytes, name: str) -> str:
    """Where two disks differ first."""
    if len(found) != len(expected):
        return f"{name}: {len(found)} bytes, not {len(expected)}"
    for offset in range(0, len(found), 512):
        if found[offset : offset + 512] != expected[offset : offset + 512]:
            return f"{name}: at {offset} {found[offset]:#x}, not {expected[offset]:#x}"
    return f"{name}: the same"


async def nothing_left(vm: Vm) -> bool:
    """Whether QEMU has no job and no node of a target."""
    graph = await vm.qmp("x-debug-query-block-graph")
    targets = [node for node in graph["nodes"] if node["name"].startswith("blockdeck-")]
    return not targets and await vm.qmp("query-jobs") == []
