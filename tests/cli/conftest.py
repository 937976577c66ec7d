"""The VM that the command line is tried on."""

from pathlib import Path

import pytest

from tests.images.gate import gate as gate
from tests.qemu import QemuStarter, Vm, qemu_img

MiB = 1 << 20


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with a disk, an empty CD-ROM, and a node whose file has a hostile name."""
    disk, evil = tmp_path / "disk.qcow2", tmp_path / "a\x1b[31m[red]\u202eb.raw"
    qemu_img("create", "-q", "-f", "qcow2", disk, "64M")
    qemu_img("create", "-q", "-f", "raw", evil, "1M")
    qemu_img("bitmap", "--add", disk, "daily")
    return await qemu(
        *("-name", "testvm"),
        *("-drive", f"id=drive0,if=none,format=qcow2,file={disk}"),
        *("-drive", "id=cd0,if=none,media=cdrom"),
        *("-blockdev", f"driver=raw,node-name=evil,file.driver=file,file.filename={evil}"),
    )
