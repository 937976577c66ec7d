"""The open VMs as rows of a table, and all of their jobs in a line."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rich.cells import cell_len
from textual.content import Content

from tui.text import plain
from tui.units import duration, percent, rate, size
from tui.vm.events import EventRecord, Gravity
from tui.vm.job import Job
from tui.vm.labels import LABEL
from tui.vm.snapshot import Device, Link, VmSnapshot
from tui.vm.total import total_of
from tui.widgets.alarm import alarm_of
from tui.widgets.columns import Cell, Column
from tui.widgets.facts import fact, title
from tui.widgets.job_rows import progress_cell

FLEET_COLUMNS = (
    Column("vm", "VM", LABEL, stretch=True, middle=True),
    Column("state", "State", 16),
    Column("jobs", "Jobs", 4, right=True),
    Column("progress", "Progress", 14, roomy=18),
    Column("rate", "Rate", 11, right=True, rank=1),
    Column("eta", "Left", 11, right=True, rank=2),
    Column("disks", "Disks", 5, right=True, rank=4),
    Column("qemu", "QEMU", 7, rank=5),
    Column("event", "Last event", 26, rank=3, stretch=True),
    Column("where", "Monitor", 30, rank=6, stretch=True, middle=True),
)

_GRAVITY = {Gravity.BAD: "bold $text-error", Gravity.WARNING: "$text-warning"}

_LONG = 600.0
"""Seconds from which on minutes are precise enough."""

_LINK = {
    Link.CONNECTING: Cell("connecting", "$text-warning"),
    Link.LOST: Cell("LOST", "bold $text-error"),
}


def fleet_columns(vms: Iterable[str]) -> tuple[Column, ...]:
    """The columns; that of the VMs as wide as it takes to tell them apart, and no wider.

    Args:
        vms: what the VMs are called.
    """
    vm, *others = FLEET_COLUMNS
    widest = max((cell_len(plain(name, LABEL)) for name in vms), default=0)
    return vm._replace(width=max(widest, len(vm.title))), *others


def fleet_row(vm: VmSnapshot, last: EventRecord | None = None) -> dict[str, Cell]:
    """The cells of one VM and of the last event it told of."""
    total, jobs = total_of(vm.live_jobs, "all"), len(vm.live_jobs)
    if total is not None and not vm.answers:
        # As far as it was, but nobody knows how it goes on.
        total = replace(total, rate=None, eta=None)
    style = "" if vm.answers else "$muted"
    return {
        "vm": Cell(plain(vm.title, 200)),
        "state": _state(vm),
        "jobs": Cell(str(jobs) if vm.answers or not jobs else f"{jobs} ?", _jobs_style(vm)),
        "progress": progress_cell(total.fraction, style) if total else Cell("-", style),
        "rate": Cell(rate(total.rate) if total and total.rate is not None else "-"),
        "eta": Cell(duration(total.eta) if total and total.eta is not None else "-"),
        "disks": Cell(str(len(vm.devices))),
        "qemu": Cell(str(vm.version.qemu) if vm.version is not None else "-"),
        "event": _event(last),
        "where": Cell(plain(vm.address, 200)),
    }


def describe_vm(vm: VmSnapshot | None, events: Sequence[EventRecord]) -> Content:
    """One VM: where it is, its disks, its jobs, and what it told of last.

    Args:
        vm: None where no line is highlighted.
        events: the last ones, the oldest first.
    """
    if vm is None:
        return Content.styled("No VM is highlighted.", "$muted")
    state = _state(vm)
    lines = [
        title(vm.title),
        fact("state", Content.styled(state.text, state.style)),
        fact("monitor", plain(vm.address, 400)),
        fact("QEMU", str(vm.version.qemu) if vm.version is not None else "not known yet"),
    ]
    told = {
        "disks": [_disk(device) for device in vm.devices] or [Content("none")],
        "jobs": [_job(job, known=vm.answers) for job in vm.live_jobs] or [Content("none runs")],
        "events": [_event_line(event) for event in reversed(events)] or [Content("none yet")],
    }
    for label, values in told.items():
        lines += [fact(label if not at else "", value) for at, value in enumerate(values)]
    return Content("\n").join(lines)


def _disk(device: Device) -> Content:
    medium = device.medium
    about = f"{medium.driver}, {size(medium.virtual_size)}" if medium else "empty"
    return Content.assemble(plain(device.title, 64), (f"  {about}", "$muted"))


def _job(job: Job, *, known: bool) -> Content:
    pace = f", {rate(job.rate)}" if known and job.rate is not None else ""
    left = f", {duration(job.eta)} left" if known and job.eta is not None else ""
    words = f"  {job.state} {percent(job.fraction)}{pace}{left}"
    return Content.assemble(plain(job.id, 60), (words, "$accent" if known else "$muted"))


def _event_line(event: EventRecord) -> Content:
    cell = _event(event)
    return Content.styled(cell.text, cell.style)


def _jobs_style(vm: VmSnapshot) -> str:
    if not vm.live_jobs:
        return "$muted"
    return "bold $accent" if vm.answers else "bold $text-warning"


def _event(last: EventRecord | None) -> Cell:
    if last is None:
        return Cell("-", "$muted")
    clock = time.strftime("%H:%M:%S", time.localtime(last.last or last.wall))
    return Cell(f"{clock} {plain(last.words, 100)}", _GRAVITY.get(last.gravity, ""))


def _state(vm: VmSnapshot) -> Cell:
    if vm.connection.link is Link.NOT_ANSWERING:
        seconds = time.monotonic() - vm.connection.since
        silent = f"{seconds:.0f} s" if seconds < _LONG else f"{seconds / 60:.0f} min"
        return Cell(f"NO ANSWER {silent}", "bold $text-error")
    told = _LINK.get(vm.connection.link)
    if told is not None:
        return told
    alarm = alarm_of(vm, time.monotonic())
    if alarm is not None:
        return Cell(alarm.state, f"bold $text-{'error' if alarm.harm else 'warning'}")
    return Cell(vm.run_state or "-", "$text-success" if vm.run_state == "running" else "")


def total_line(vms: Sequence[VmSnapshot]) -> str:
    """How far all running jobs of these VMs are together, as far as their VMs answer."""
    busy = [vm for vm in vms if vm.live_jobs]
    if not busy:
        return f" {_count(len(vms), 'VM')}{_silent(vms)}, no job runs"
    count = sum(len(vm.live_jobs) for vm in busy)
    head = f" {_count(count, 'job')} on {_count(len(busy), 'VM')}{_silent(busy)}"
    total = total_of([job for vm in busy if vm.answers for job in vm.live_jobs], "all")
    if total is None:
        return head
    left = f"{duration(total.eta)} left" if total.eta is not None else ""
    if not all(vm.answers for vm in busy):
        # What matters most, so that it has room in 80 columns.
        return f"{head}; the others: {percent(total.fraction)}{f', {left}' if left else ''}"
    parts = [
        f"{percent(total.fraction)}, {size(total.offset)} of {size(total.len)}",
        rate(total.rate) if total.rate is not None else "",
        left,
    ]
    return f"{head}: {', '.join(part for part in parts if part)}"


def _silent(vms: Sequence[VmSnapshot]) -> str:
    """How many of them do not answer, in words."""
    silent = sum(1 for vm in vms if not vm.answers)
    if silent == 0:
        return ""
    if silent == len(vms):
        return ", none of them answering" if silent > 1 else ", not answering"
    return f", {silent} of them not answering"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
