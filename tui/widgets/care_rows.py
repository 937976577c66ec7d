"""The room for a job, and what is done for it, in words."""

from textual.content import Content

from tui.text import plain
from tui.units import duration, milliseconds, rate, size, times
from tui.vm.care import JobCare
from tui.vm.job import Job
from tui.vm.slow import find_slow
from tui.vm.snapshot import Link, VmSnapshot
from tui.vm.space import Shortage, Space
from tui.vm.stall import stalled_for
from tui.widgets.bar import bar
from tui.widgets.facts import fact

_WIDTH = 10
_STYLES = {
    Shortage.NONE: "",
    Shortage.FORESEEN: "bold $text-warning",
    Shortage.SOON: "bold $text-error",
}


def care_lines(care: JobCare) -> list[Content]:
    """Lines about one job's care; those of which there is nothing to say are left out."""
    lines = []
    if care.space is not None:
        guard = ". Guarded: it is cancelled before" if care.wishes.cancel_before_full else ""
        if care.cap is not None:
            guard += f", and held under {rate(care.cap)}"
        style = _STYLES[care.space.shortage]
        lines.append(fact("room", Content.styled(f"{_gauge(care.space)}{guard}", style)))
    elif care.wishes.cancel_before_full:
        words = "not seen from here: it is not guarded"
        lines.append(fact("room", Content.styled(words, "bold $text-warning")))
    if care.wishes.easy is not None:
        lines.append(fact("easy", f"{care.wishes.easy}: {care.steering}"))
    return lines


def _gauge(space: Space) -> str:
    used = 1 - space.free / space.total if space.total else 1.0
    words = f"{bar(used, _WIDTH)} {size(space.free)} of {size(space.total)} free"
    if space.shortage is Shortage.NONE:
        return (
            f"{words}; enough for {_needed(space)} more" if space.expected else f"{words}; enough"
        )
    if space.ends_first and space.shortage is Shortage.FORESEEN:
        words += ", enough at this rate"
    elif space.full_in is not None:
        words += f", full in {duration(space.full_in)} at this rate"
    return f"{words}; {_needed(space)} to come"


def _needed(space: Space) -> str:
    expected = space.expected or 0
    whole = expected == space.to_come
    if whole or (expected <= space.free and space.shortage is not Shortage.NONE):
        return f"up to {size(space.to_come)}"
    # A guess from what the disk holds.
    return f"about {size(expected)}"


def shortage_words(vm: VmSnapshot) -> str | None:
    """One sentence about the job that is about to fill its target first; None without one."""
    if vm.connection.link is not Link.CONNECTED:
        return None
    short = [job for job in vm.live_jobs if _is_short(job)]
    if not short:
        return None
    job = min(short, key=_full_in)
    space = job.care.space
    if space is None:
        return None
    when = f"in {duration(space.full_in)}" if space.full_in is not None else "soon"
    what = f"{plain(job.id, 60)} fills its target {when}: {size(space.free)} free"
    if job.care.wishes.cancel_before_full:
        return f"{what}. It is cancelled before."
    return f"{what}, {_needed(space)} to come. Press 2, then c or f."


def stall_words(vm: VmSnapshot, now: float) -> str | None:
    """Two sentences about the job that has stood still the longest; None without one."""
    if vm.connection.link is not Link.CONNECTED or vm.run_state != "running":
        return None
    still = [(seconds, job) for job in vm.live_jobs if (seconds := stalled_for(job, now))]
    if not still:
        return None
    seconds, job = max(still, key=lambda one: one[0])
    what = f"{plain(job.id, 60)} has copied nothing for {duration(seconds)}"
    why = "its target or its disk does not answer, and writes of the guest wait for it"
    return f"{what}: {why}. A cancel waits, too, until it answers or its server is ended."


def slow_words(vm: VmSnapshot, now: float) -> str | None:
    """A sentence about the disk whose writes a backup makes take the longest; None without one."""
    slow = find_slow(vm, now) if vm.connection.link is Link.CONNECTED else None
    if slow is None:
        return None
    wait, factor = slow.device.writes, slow.device.writes.factor
    if wait.last is None or factor is None:
        return None
    what = f"Writes of the guest to {plain(slow.device.title, 60)} take {milliseconds(wait.last)}"
    return f"{what}, {times(factor)} as long as before {plain(slow.job.id, 60)}."


def _is_short(job: Job) -> bool:
    return job.care.space is not None and job.care.space.shortage is Shortage.SOON


def _full_in(job: Job) -> float:
    full_in = job.care.space.full_in if job.care.space is not None else None
    return full_in if full_in is not None else float("inf")
