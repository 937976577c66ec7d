"""Lines to BlockDeck, and VMs to look at."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.line.terminal import Line
from tests.qemu import QemuStarter, Vm, qemu_img


class LineOpener(Protocol):
    """Starts a BlockDeck on a line of its own."""

    def __call__(self, *words: str | Path, **options: Any) -> Line:
        """See `Line`."""


@pytest.fixture
async def line() -> AsyncIterator[LineOpener]:
    """`line(vm.monitor)`; every BlockDeck is gone when the test ends."""
    opened: list[Line] = []

    def opener(*words: str | Path, **options: Any) -> Line:
        opened.append(Line(*words, **options))
        return opened[-1]

    yield opener
    for one in opened:
        one.close()


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with one disk, `drive0`, that has 16 MiB of data on it."""
    disk = tmp_path / "disk.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", disk, "64M")
    machine = await qemu("-drive", f"if=none,id=drive0,format=qcow2,file={disk}")
    await machine.write("drive0", 0, 16 << 20, 0xA5)
    return machine
