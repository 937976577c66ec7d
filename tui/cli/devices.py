"""`blockdeck devices`: every disk of a VM."""

from rich.table import Table
from rich.text import Text

from tui.cli.monitor import open_vm
from tui.cli.output import say, say_json, say_table
from tui.cli.reports import DeviceReport, DevicesReport, VmReport
from tui.qmp.address import MonitorAddress
from tui.text import plain
from tui.units import size
from tui.vm.filenames import file_behind
from tui.vm.snapshot import Device, VmSnapshot


async def list_devices(address: MonitorAddress, *, as_json: bool, read_only: bool = False) -> int:
    """Print the disks of the VM behind a monitor.

    Raises:
        Failure: it cannot be reached.
    """
    async with open_vm(address, read_only=read_only) as worker:
        vm = worker.snapshot
    if as_json:
        devices = tuple(DeviceReport.of(device) for device in vm.devices)
        report = DevicesReport(vm=VmReport.of(vm), devices=devices)
        say_json(report.model_dump(by_alias=True))
    elif vm.devices:
        say_table(_table(vm))
    else:
        say("This VM has no disks.")
    return 0


def _table(vm: VmSnapshot) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("device=", "format"):
        table.add_column(name, overflow="fold")
    for name in ("size", "allocated"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("flags", "bitmaps", "backup", "file"):
        table.add_column(name, overflow="fold")
    for device in vm.devices:
        table.add_row(*(Text(plain(cell)) for cell in _row(device)))
    return table


def _row(device: Device) -> tuple[str, ...]:
    medium = device.medium
    name = device.backup_name or f"({device.title})"
    backup = device.obstacle or "ready"
    if medium is None:
        return (name, "-", "-", "-", _flags(device), "-", backup, "-")
    return (
        name,
        medium.driver,
        size(medium.virtual_size),
        size(medium.actual_size),
        _flags(device),
        " ".join(bitmap.name for bitmap in medium.bitmaps) or "-",
        backup,
        file_behind(medium.filename) or "-",
    )


def _flags(device: Device) -> str:
    medium = device.medium
    flags = {
        "read-only": medium is not None and medium.read_only,
        "removable": device.removable,
        "encrypted": medium is not None and medium.encrypted,
        "detached": not device.attached,
    }
    return " ".join(flag for flag, holds in flags.items() if holds) or "-"
