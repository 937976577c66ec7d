"""Jobs as rows of a table."""

import time
from collections.abc import Iterable

from rich.cells import cell_len
from textual.content import Content

from tui.text import plain
from tui.units import duration, milliseconds, percent, rate, size, times
from tui.vm.failures import Failures
from tui.vm.job import Job, Outcome
from tui.vm.labels import LABEL
from tui.vm.latency import Wait
from tui.vm.remedies import remedy
from tui.vm.snapshot import Device
from tui.vm.verbs import BLOCK_JOB_TYPES
from tui.widgets.care_rows import care_lines
from tui.widgets.columns import Cell, Column
from tui.widgets.facts import fact, title

JOB_COLUMNS = (
    Column("job", "Job", 14, roomy=32, stretch=True, middle=True),
    Column("device", "Disk", 9, rank=1),
    Column("state", "State", 9),
    Column("progress", "Progress", 14, roomy=18),
    Column("rate", "Rate", 11, right=True, rank=2),
    Column("eta", "Left", 11, right=True, rank=3),
    Column("limit", "Limit", 11, right=True, rank=5),
    Column("owner", "By", 7, rank=6),
    Column("type", "Type", 7, rank=8),
    Column("age", "Time", 11, right=True, rank=4),
    Column("io", "I/O", 7, rank=7),
    Column("detail", "Error", 24, rank=9, stretch=True),
)

_NOTABLE, _HARMFUL = 1.3, 2.0
"""From how many times the time of a write on that is said, and said as a warning; so it is for how
much the guest writes."""

_SILENT_SECONDS = 3.0
"""Without a write that ended for so long, and for twice the time the last took, that is said."""

_STATE = {
    "running": "bold $accent",
    "succeeded": "bold $text-success",
    "failed": "bold $text-error",
    "lost": "bold $text-error",
    "cancelled": "bold $text-warning",
    "paused": "bold $text-warning",
    "aborting": "bold $text-warning",
}


def job_columns(vms: Iterable[str] = ()) -> tuple[Column, ...]:
    """The columns, with one for the VM where the jobs of several are listed.

    Args:
        vms: what these VMs are called.
    """
    widest = max((cell_len(plain(vm, LABEL)) for vm in vms), default=0)
    # As wide as it takes to tell them apart.
    return (Column("vm", "VM", widest, middle=True), *JOB_COLUMNS) if widest else JOB_COLUMNS


def job_named(job: Job, vm: str = "", limit: int = 60) -> str:
    """A job as it is spoken of: with its VM where that has to be told.

    Args:
        job: the job.
        vm: what tells its VM from others; empty where there is but one.
        limit: the most terminal cells for the id of the job.
    """
    return f"{plain(job.id, limit)} of {plain(vm, 40)}" if vm else plain(job.id, limit)


def job_row(job: Job, now: float, vm: str = "") -> dict[str, Cell]:
    """The cells of one job of a VM; `now` is monotonic seconds."""
    style = _STATE.get(job.state, "")
    moves = job.live and job.heard
    return {
        "vm": Cell(plain(vm, 60)),
        "job": Cell(plain(job.id, 80), "bold" if job.live else ""),
        "device": Cell(plain(job.device or "?", 60)),
        "state": Cell(job.state if job.heard else f"{job.state}?", style if job.heard else ""),
        "progress": progress_cell(job.fraction, style if moves else "$muted"),
        "rate": Cell(rate(job.rate) if moves and job.rate is not None else "-"),
        "eta": Cell(duration(job.eta) if moves and job.eta is not None else "-"),
        "limit": Cell(rate(job.speed) if job.speed else "none" if _has_speed(job) else "-"),
        "owner": Cell("us" if job.ours else "other"),
        "type": Cell(job.type or "?"),
        "age": Cell(age(job, now)),
        "io": Cell(job.io_status, "bold $text-error" if job.io_status != "ok" else ""),
        "detail": Cell(plain(job.error or job.detail, 200) or "-", style if job.error else ""),
    }


def progress_cell(fraction: float | None, style: str) -> Cell:
    """A bar and the percentage; "unknown" while the length is."""
    if fraction is None:
        return Cell("unknown", style)
    return Cell(f"{percent(fraction):>5}", style, part=fraction)


def age(job: Job, now: float) -> str:
    """How long it has run, or ran."""
    if job.started is None:
        return "-"
    end = job.ended if job.ended is not None else now
    return duration(max(0.0, end - job.started))


def describe_job(
    job: Job | None, now: float, device: Device | None = None, vm: str = ""
) -> Content:
    """Everything about one job, its VM where that is told, and what the guest has on its disk."""
    if job is None:
        return Content.styled("No job is highlighted.", "$muted")
    return Content("\n").join(
        [
            title(job.id),
            *([fact("VM", plain(vm, 200))] if vm else ()),
            fact("state", Content.styled(_state_words(job), _STATE.get(job.state, ""))),
            *_advice(job),
            fact("copied", f"{size(job.offset)} of {size(job.len)}"),
            *(care_lines(job.care) if job.live else ()),
            *_guest(job, now, device),
            *([fact("speed", _speed_words(job))] if _has_speed(job) else ()),
            *_settings(job),
            fact("runs" if job.live else "took", age(job, now)),
            *_start(job),
        ]
    )


def _has_speed(job: Job) -> bool:
    return job.type in BLOCK_JOB_TYPES


def _advice(job: Job) -> list[Content]:
    advice = remedy(job.error)
    return [fact("advice", Content.styled(advice, "$text-warning"))] if advice else []


def _guest(job: Job, now: float, device: Device | None) -> list[Content]:
    """What the guest has of the job: failed requests, slow ones, fewer of them."""
    if device is None or not job.live or not job.heard:
        return []
    lines = [_failed(job, device.failures)]
    flow = device.throughput
    lines.append(_wait(device.writes, "write", now, flow.write if flow else None))
    lines.append(_wait(device.reads, "read", now, flow.read if flow else None))
    told = [line for line in lines if line is not None]
    return [fact("" if place else "guest", line) for place, line in enumerate(told)]


def _failed(job: Job, failures: Failures | None) -> Content | None:
    if failures is None or failures.job != job.key:
        return None
    words = f"{failures.writes:,} of its writes FAILED since this job began"
    return Content.styled(words, "bold $text-error")


def _wait(wait: Wait, what: str, now: float, flow: float | None) -> Content | None:
    """How long its writes, or reads, take, and how many there are; None where it makes none."""
    if wait.last is None or wait.ended is None:
        return None
    silent = now - wait.ended
    if silent <= max(_SILENT_SECONDS, 2 * wait.last):
        return Content.assemble(_wait_words(wait, what), flow_words(what, flow, wait.rate_before))
    if what == "read":
        # No backup makes a read wait for its target: the guest reads nothing.
        return None
    words = f"no write has ended for {duration(silent)}"
    if wait.before is not None:
        words += f"; before this job one took {milliseconds(wait.before)}"
    return Content.styled(words, "bold $text-warning" if wait.slow_looks else "")


def flow_words(what: str, now: float | None, before: float | None) -> str:
    """How much the guest reads or writes (bytes a second), which a slow target brings down.

    Args:
        what: "write" or "read".
        now: at the last look; None where that is not known.
        before: in the time before the job; None where that is not known.
    """
    if now is None:
        return ""
    words = f"; it {what}s {rate(now) if now >= 1 else 'nothing now'}"
    if not before or before < 1:
        return words
    if before / _NOTABLE < now < before * _NOTABLE:
        return f"{words}, as before"
    return f"{words}, {'down' if now < before else 'up'} from {rate(before)}"


def _settings(job: Job) -> list[Content]:
    owner = "us" if job.ours else "another client"
    return [
        fact("disk", plain(job.device or "not known", 200)),
        fact("target", plain(job.target or "not known: started by another client", 400)),
        fact("kind", f"{job.type or '?'}, started by {owner}, io-status {job.io_status}"),
    ]


def _start(job: Job) -> list[Content]:
    if job.wall_started is None:
        return []
    return [fact("started", time.strftime("%F %T", time.localtime(job.wall_started)))]


def _wait_words(wait: Wait, what: str) -> Content:
    words = f"a {what} takes {milliseconds(wait.last or 0.0)}"
    factor = wait.factor
    if factor is None:
        return Content(f"{words}; how long it took before is not known")
    if factor < _NOTABLE:
        return Content(f"{words}, as before this job")
    style = "bold $text-warning" if factor >= _HARMFUL else ""
    return Content.styled(f"{words}, {times(factor)} as long as before this job", style)


def _speed_words(job: Job) -> str:
    if job.care.held_back:
        wanted = f"{rate(job.asked)} asked" if job.asked else "none asked"
        return f"limit {rate(job.speed)}, held back {job.care.held_back_for} ({wanted})"
    words = f"limit {rate(job.speed)}" if job.speed else "no limit"
    if job.asked is not None:
        asked = f"{rate(job.asked)} asked" if job.asked else "none asked"
        words += " as asked" if job.asked == job.speed else f", {asked}"
    return words


def _state_words(job: Job) -> str:
    words = job.state
    if not job.heard:
        return f"{words} when last seen: QEMU does not answer now"
    if job.detail:
        words += f": {plain(job.detail, 400)}"
    if job.state == "paused" and job.io_status != "ok":
        words += f" by an I/O error ({job.io_status})"
    if job.outcome is Outcome.SUCCEEDED:
        words += ": all of it was copied"
    return words
