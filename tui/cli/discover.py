"""`blockdeck discover`: the VMs of this host, or of another, and their monitors."""

import asyncio
import time
from typing import Any

from rich.table import Table
from rich.text import Text

from tui.cli.failure import Failure, Status
from tui.cli.output import note, say, say_json, say_table
from tui.cli.settings import settings
from tui.discovery.models import Findings, FoundMonitor, FoundVm, Kind
from tui.discovery.scout import Scout
from tui.memory import Memory
from tui.paths import state_directory
from tui.qmp.address import AddressError, MonitorAddress, SshAddress
from tui.text import plain
from tui.units import duration


async def list_vms(*, as_json: bool, asks: bool = True) -> int:
    """Print what is found; `asks`, free monitors are connected to for a moment."""
    memory = await asyncio.to_thread(Memory.load, state_directory() / "memory.json")
    found = await Scout(asks=asks).look(_addresses([*settings().vms, *memory.monitors]))
    return _say_found(found, "this host", as_json=as_json)


async def list_vms_of(host: MonitorAddress, *, as_json: bool, asks: bool = True) -> int:
    """Print what another host has; a monitor that is named as well does not count.

    Raises:
        Failure: it is no host that can be asked.
        ConnectFailure: it does not let this user in, or runs no commands for it.
    """
    if not isinstance(host, SshAddress):
        raise Failure(
            f"{host} is no host that can be asked for its VMs",
            "Give the host as ssh://[user@]host[:port]; this one is asked without.",
            Status.USAGE,
        )
    memory = await asyncio.to_thread(Memory.load, state_directory() / "memory.json")
    used = _addresses([*settings().vms, *memory.monitors])
    found = await Scout(asks=asks).look_elsewhere(host, used)
    return _say_found(found, host.host, as_json=as_json)


def _say_found(found: Findings, where: str, *, as_json: bool) -> int:
    if as_json:
        say_json({"vms": [_as_json(vm) for vm in found.vms], "notes": list(found.notes)})
        return 0
    if found.vms:
        say_table(_table(found))
    else:
        say(f"No QEMU is seen to run on {where}.")
    _say_more(found)
    return 0


def _addresses(texts: list[str]) -> list[MonitorAddress]:
    read = []
    for text in texts:
        try:
            read.append(settings().address(text))
        except AddressError:
            note(f"A monitor used before cannot be read: {text}")
    return read


def _table(found: Findings) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("vm", "monitor", "address"):
        table.add_column(name, overflow="fold")
    for name in ("state", "qemu", "up", "user", "pid", "disks"):
        table.add_column(name, no_wrap=True)
    for vm in found.vms:
        for number, monitor in enumerate(vm.monitors or (None,)):
            table.add_row(*(Text(plain(cell)) for cell in _row(vm, monitor, first=number == 0)))
    return table


def _row(vm: FoundVm, monitor: FoundMonitor | None, *, first: bool) -> tuple[str, ...]:
    told = ("none", "-") if monitor is None else _told(vm, monitor)
    if not first:
        return ("", *told, "", "", "", "", "", "")
    up = None if vm.started is None else time.time() - vm.started
    pid = "-" if vm.pid is None else str(vm.pid)
    state = vm.run_state or ("daemon" if vm.kind is Kind.STORAGE_DAEMON else "-")
    disks = str(len(vm.disks)) if vm.pid is not None or vm.disks else "-"
    title, user = title_of(vm, _called(vm)), vm.user or "-"
    return (title, *told, state, vm.version or "-", duration(up), user, pid, disks)


def title_of(vm: FoundVm, called: str) -> str:
    """A VM by the name in the settings and QEMU's own; a lone socket may have neither."""
    title = vm.title if vm.kind is not Kind.SOCKET else vm.name
    if not called or called == title:
        return title or "-"
    return f"{called} ({title})" if title else called


def _called(vm: FoundVm) -> str:
    return settings().called(str(m.address) for m in vm.monitors if m.address is not None)


def _told(vm: FoundVm, monitor: FoundMonitor) -> tuple[str, str]:
    by = f" by {vm.manager}" if monitor.state == "managed" and vm.manager else ""
    recent = ", recent" if monitor.recent else ""
    return f"{monitor.state}{by}{recent}", str(monitor.address or monitor.text)


def _say_more(found: Findings) -> None:
    """Why what is not free is not, and what to do; on standard error, beside the table."""
    for vm in found.vms:
        for monitor in vm.monitors:
            # What is left of QEMUs that have ended is in the table, and nothing to be done about.
            if monitor.sentence and (vm.pid is not None or monitor.state != "dead"):
                where = monitor.address or monitor.text
                note(f"{vm.title}: {where}: {monitor.sentence} {monitor.advice}".rstrip())
        if vm.remedy is not None:
            note(f"{vm.title}: {vm.remedy.what}:")
            for line in vm.remedy.text.split("\n"):
                note(f"  {line}")
        for told in vm.notes:
            note(f"{vm.title}: {told}")
    for told in found.notes:
        note(told)


def _as_json(vm: FoundVm) -> dict[str, Any]:
    """The model, with addresses as they are typed, and what Enter would connect to."""
    told = vm.model_dump(mode="json", exclude={"key"})
    for dumped, monitor in zip(told["monitors"], vm.monitors, strict=True):
        dumped["address"] = str(monitor.address) if monitor.address else None
    told["called"] = _called(vm) or None
    told["connect-to"] = str(vm.best.address) if vm.best and vm.usable else None
    # As QAPI spells names of more than one word.
    return {name.replace("_", "-"): value for name, value in told.items()}
