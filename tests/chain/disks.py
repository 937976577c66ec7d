"""Disks of a VM with a mirror of all that was written to them, and chains held against it."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from tests.qemu import Vm, qemu_img
from tests.worker.disks import KIB, MIB, drive

SIZE = 4 * MIB
STEP = 64 * KIB


@dataclass
class MirroredDisk:
    """A disk, and what is on it.

    Attributes:
        name: of its backend and of what it is called in a chain.
        content: every byte of it.
    """

    name: str
    path: Path
    driver: str
    content: bytearray = field(default_factory=lambda: bytearray(SIZE))

    @classmethod
    def make(cls, directory: Path, name: str, driver: str, size: int = SIZE) -> "MirroredDisk":
        """An empty disk."""
        path = directory / f"{name}.{driver}"
        qemu_img("create", "-q", "-f", driver, path, str(size))
        return cls(name, path, driver, bytearray(size))

    @property
    def options(self) -> tuple[str, ...]:
        """The options of a VM that has it."""
        return drive(self.path, self.driver, self.name)

    async def write(self, vm: Vm, offset: int, length: int, byte: int) -> None:
        """Write as a guest does; the mirror has it when QEMU says that it is done."""
        line = f'qemu-io {self.name} "write -P {byte} {offset} {length}"'
        said = await vm.qmp("human-monitor-command", command_line=line)
        assert said == "", said
        self.content[offset : offset + length] = bytes([byte]) * length


async def restored(image: Path, directory: Path) -> bytes:
    """The content of an image and all it stands on, without BlockDeck."""
    raw = directory / f"{image.name}.restored"
    await asyncio.to_thread(qemu_img, "convert", "-f", "qcow2", "-O", "raw", image, raw)
    content = raw.read_bytes()
    raw.unlink()
    return content
