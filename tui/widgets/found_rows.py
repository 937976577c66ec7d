"""The VMs of this host as rows of a table, and what is told of one of them."""

import textwrap
import time
from collections.abc import Iterator

from rich.cells import cell_len
from textual.content import Content

from tui.discovery.models import FoundMonitor, FoundVm, Kind, Manager, MonitorState
from tui.text import plain
from tui.units import duration
from tui.widgets.columns import Cell, Column

FOUND_COLUMNS = (
    Column("name", "VM", 16, stretch=True),
    Column("monitor", "Monitor", 15, roomy=23),
    Column("state", "State", 9, roomy=14, rank=1),
    Column("up", "Up", 6, right=True, rank=4),
    Column("user", "User", 8, roomy=12, rank=3),
    Column("pid", "PID", 7, right=True, rank=2),
    Column("disks", "Disks", 5, right=True, rank=5),
    Column("where", "Address", 34, stretch=True, rank=6),
)

_STYLES = {
    MonitorState.FREE: "$text-success",
    MonitorState.THROUGH_LIBVIRT: "$accent",
    MonitorState.NOT_ASKED: "$accent",
    MonitorState.BUSY: "$text-warning",
    MonitorState.SILENT: "$text-warning",
    MonitorState.NO_PERMISSION: "$text-error",
}
_GRAVE = frozenset({"io-error", "internal-error", "guest-panicked"})
_LABEL = 11
_NARROWEST = 40


def found_row(vm: FoundVm, called: str = "", *, marked: bool = False) -> dict[str, Cell]:
    """The cells of one VM; `called` is what the operator calls it."""
    telling = vm.telling
    title = vm.title if called in ("", vm.title) else f"{called} ({vm.title})"
    title = f"* {title}" if marked else title
    muted = "bold $accent" if marked else "" if vm.usable else "$muted"
    return {
        "name": Cell(plain(title, 200), muted),
        "monitor": _monitor_cell(vm, telling),
        "state": _state_cell(vm),
        "up": Cell(short_span(_uptime(vm))),
        "user": Cell(plain(vm.user, 40) or "-"),
        "pid": Cell(str(vm.pid) if vm.pid is not None else "-"),
        "disks": Cell(str(len(vm.disks)) if vm.pid is not None or vm.disks else "-"),
        "where": Cell(plain(str(telling.address or telling.text), 200) if telling else "-"),
    }


def _monitor_cell(vm: FoundVm, monitor: FoundMonitor | None) -> Cell:
    if monitor is None:
        return Cell("none", "$muted")
    word = _word(monitor, vm.manager)
    recent = vm.recent and not monitor.ours
    if recent and monitor.state is MonitorState.THROUGH_LIBVIRT:
        # In whole it has no room where the terminal is narrow; the pane has it.
        word = "libvirt"
    return Cell(f"{word}, recent" if recent else word, _STYLES.get(monitor.state, "$muted"))


def _word(monitor: FoundMonitor, manager: Manager | None) -> str:
    if monitor.state is MonitorState.MANAGED:
        return f"{manager}'s own" if manager else "managed"
    if monitor.ours:
        return "open here"
    return str(monitor.state)


def _state_cell(vm: FoundVm) -> Cell:
    state = vm.run_state
    if state is None:
        return Cell("daemon" if vm.kind is Kind.STORAGE_DAEMON else "-", "$muted")
    if state == "running":
        return Cell(state, "$text-success")
    return Cell(plain(state, 40), "$text-error" if state in _GRAVE else "$text-warning")


def _uptime(vm: FoundVm) -> float | None:
    return None if vm.started is None else max(0.0, time.time() - vm.started)


def short_span(seconds: float | None) -> str:
    """A span of time in its leading unit: `59 min`, `3 d`; 6 cells for less than 27 years."""
    words = duration(seconds).split()
    return " ".join(words[:2])


# --- one of them ----------------------------------------------------------------------------------


def describe_found(vm: FoundVm | None, width: int) -> Content:
    """The text about a VM, whose sentences are folded to a width in cells."""
    if vm is None:
        return Content.styled("No VM is highlighted.", "$muted")
    return Content("\n").join(_lines(vm, max(width, _NARROWEST)))


def _lines(vm: FoundVm, width: int) -> Iterator[Content]:
    yield _headline(vm)
    if vm.uuid is not None:
        yield _pair("uuid", plain(vm.uuid, 60))
    # What Enter would connect to comes first, and the other monitors last: the pane is low where
    # the terminal is.
    first = vm.telling
    if first is not None:
        yield from _monitor_lines(first, vm, width)
    else:
        told = "none that its command line tells of"
        yield _pair("monitor", Content.styled(told, "$text-warning"))
    if vm.remedy is not None:
        yield from _folded("remedy", f"{vm.remedy.what}; y copies it:", width)
        for line in vm.remedy.text.split("\n"):
            yield _beside(plain(line, 400), width).stylize("bold")
    for number, disk in enumerate(vm.disks):
        name = f"{plain(disk.name, 100)}  " if disk.name else ""
        yield _pair("disks" if number == 0 else "", f"{name}{plain(disk.file, 400)}")
    for monitor in vm.monitors:
        if monitor is not first:
            yield from _monitor_lines(monitor, vm, width)
    for note in vm.notes:
        yield from _folded("note", plain(note, 400), width)


def _headline(vm: FoundVm) -> Content:
    words = [f"QEMU {vm.version}"] if vm.version else []
    words += [vm.run_state] if vm.run_state else []
    if vm.pid is not None:
        words += [f"pid {vm.pid}", f"user {vm.user}", f"up {duration(_uptime(vm))}"]
    told = plain(", ".join(words), 200)
    return Content.assemble(
        (plain(vm.title, 200), "bold $accent"), (f"  {told}" if told else "", "$muted")
    )


def _monitor_lines(monitor: FoundMonitor, vm: FoundVm, width: int) -> Iterator[Content]:
    word = _word(monitor, vm.manager)
    where = plain(str(monitor.address or monitor.text), 400)
    recent = ", used before" if monitor.recent and monitor.source != "used before" else ""
    style, source = _STYLES.get(monitor.state, ""), f"{plain(monitor.source, 40)}{recent}"
    if _LABEL + cell_len(f"{word}  {where}  {source}") <= width:
        told = Content.assemble((f"{word}  ", style), where, (f"  {source}", "$muted"))
        yield _pair("monitor", told)
    else:
        yield _pair("monitor", Content.assemble((f"{word}  ", style), (source, "$muted")))
        yield _beside(where, width)
    for sentence in (monitor.sentence, monitor.advice):
        yield from _folded("", plain(sentence, 600), width)


def _beside(text: str, width: int) -> Content:
    """What must stay on one line, with the values above it where it has room there."""
    fits = _LABEL + cell_len(text) <= width
    return Content(f"{' ' * _LABEL if fits else '  '}{text}")


def _folded(label: str, text: str, width: int) -> Iterator[Content]:
    """A sentence beside its label, on as many lines as it takes."""
    for number, line in enumerate(textwrap.wrap(text, width - _LABEL)):
        yield _pair(label if number == 0 else "", line)


def _pair(label: str, value: str | Content) -> Content:
    return Content.assemble((f"{label:<{_LABEL}}", "$muted"), value)
