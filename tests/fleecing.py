"""VMs whose backups can be fleeced."""

from pathlib import Path

import pytest

from tests.qemu import PC, QemuStarter, Vm
from tests.waiting import until_answered
from tests.worker.disks import drive, pattern


async def fleecing(vm: Vm) -> None:
    """This QEMU can do it."""
    version = (await vm.qmp("query-version"))["qemu"]
    if (version["major"], version["minor"]) < (7, 1):
        pytest.skip("fleecing is refused before QEMU 7.1")


async def firmware_is_through(vm: Vm) -> None:
    """Wait until the firmware of a running VM has started its devices; then it reads a disk.

    When a device is started, its I/O thread takes over the disk. QEMU 7.2 aborts now and then
    if a backup of it ends just then (`qemu_mutex_unlock_impl`, by `blk_set_aio_context`).
    """

    async def reads() -> int:
        first = (await vm.qmp("query-blockstats"))[0]
        return int(first["stats"]["rd_operations"])

    await until_answered(reads)


async def fleecing_vm(qemu: QemuStarter, directory: Path) -> Vm:
    """A running VM with a raw disk, `d.raw`, at a device."""
    disk = drive(pattern(directory / "d.raw"))
    vm = await qemu(*PC, *disk, "-device", "virtio-blk-pci,drive=d0")
    await fleecing(vm)
    await vm.qmp("cont")
    return vm
