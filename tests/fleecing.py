"""VMs whose backups can be fleeced."""

from pathlib import Path

import pytest

from tests.qemu import PC, QemuStarter, Vm
from tests.worker.disks import drive, pattern


async def fleecing(vm: Vm) -> None:
    """This QEMU can do it."""
    version = (await vm.qmp("query-version"))["qemu"]
    if (version["major"], version["minor"]) < (7, 1):
        pytest.skip("fleecing is refused before QEMU 7.1")


async def fleecing_vm(qemu: QemuStarter, directory: Path) -> Vm:
    """A running VM with a raw disk, `d.raw`, at a device."""
    disk = drive(pattern(directory / "d.raw"))
    vm = await qemu(*PC, *disk, "-device", "virtio-blk-pci,drive=d0")
    await fleecing(vm)
    await vm.qmp("cont")
    return vm
