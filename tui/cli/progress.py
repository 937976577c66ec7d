"""What a watched backup says: a bar on a terminal, lines in a log, JSON for a program."""

import contextlib
import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from tui.backup.advice import advice_for
from tui.backup.verdict import Verdict
from tui.cli.output import complain, console, note, say, say_json
from tui.text import plain
from tui.units import duration, percent, rate, size
from tui.vm.events import EventRecord
from tui.vm.job import Job, Outcome

LINE_INTERVAL = 10.0
"""Seconds between two lines of progress, at the least."""

BAR_INTERVAL = 0.5
"""Seconds between two repaints of the bar, at the least."""


class Reporter(Protocol):
    """What is told on the way from a verdict to an outcome."""

    def refused(self, verdict: Verdict) -> None:
        """The backup is not started."""

    def started(self, job_id: str, command: Mapping[str, Any]) -> None:
        """QEMU has taken the command."""

    def event(self, record: EventRecord) -> None:
        """QEMU sent an event."""

    def progress(self, job: Job) -> None:
        """The job may have come further."""

    def notice(self, text: str) -> None:
        """Something else happened, to the connection perhaps."""

    def interrupted(self, job_id: str) -> None:
        """The watch ends, the job does not."""

    def ended(self, job: Job) -> None:
        """The job has its outcome."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def reporter_for(as_json: bool) -> Reporter:
    """The reporter for this standard output and standard error."""
    if as_json:
        return JsonReporter()
    screen = console(sys.stderr)
    return BarReporter() if screen.is_terminal and not screen.is_dumb_terminal else LineReporter()


def in_numbers(job: Job) -> str:
    """The progress of a job in one line."""
    parts = [percent(job.fraction), f"{size(job.offset)} of {size(job.len)}"]
    if job.state != "running":
        return ", ".join([*parts, job.state])
    if job.rate is not None:
        parts.append(rate(job.rate))
    if job.eta is not None:
        parts.append(f"{duration(job.eta)} left")
    if job.care.held_back:
        parts.append(f"held back {job.care.held_back_for}")
    return ", ".join(parts)


def outcome_sentence(job: Job) -> str:
    """How a job ended, in one line."""
    what = f"{job.device} -> {job.target}"
    if job.outcome is not Outcome.SUCCEEDED:
        return f"{job.outcome}: {what}: {job.detail or 'no reason given'}"
    taken = _taken(job)
    pace = f" ({rate(job.len / taken)})" if taken else ""
    return f"succeeded: {what}, {size(job.len)} in {duration(taken)}{pace}"


def _taken(job: Job) -> float | None:
    if job.started is None or job.ended is None:
        return None
    return job.ended - job.started


class LineReporter:
    """A line now and then: for logs, and for terminals that cannot move the cursor."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def refused(self, verdict: Verdict) -> None:
        """The findings are told by whoever refuses."""

    def started(self, job_id: str, command: Mapping[str, Any]) -> None:
        """Name the job."""
        say(f"started: {job_id}")

    def event(self, record: EventRecord) -> None:
        """Tell what stands in the way of the copy."""
        if record.name in ("BLOCK_JOB_ERROR", "BLOCK_JOB_PENDING", "BLOCK_IO_ERROR", "SHUTDOWN"):
            self.notice(f"{record.subject}: {record.meaning}" if record.subject else record.meaning)

    def progress(self, job: Job) -> None:
        """Tell how far it is, once in `LINE_INTERVAL`."""
        now = time.monotonic()
        if job.live and now - self._told >= LINE_INTERVAL:
            self._told = now
            note(in_numbers(job))

    def notice(self, text: str) -> None:
        """Tell it."""
        note(text)

    def interrupted(self, job_id: str) -> None:
        """The way back is told by whoever was interrupted."""

    def ended(self, job: Job) -> None:
        """Tell the outcome and, if it is a bad one, what to do."""
        self.close()
        say(outcome_sentence(job))
        if job.outcome is not Outcome.SUCCEEDED:
            advice = advice_for(job.error) if job.error else None
            complain("the backup did not succeed; its target is not complete", advice or "")

    def close(self) -> None:
        """There is nothing to restore."""


class BarReporter(LineReporter):
    """A bar that is drawn when something changed, never by a timer of its own."""

    def __init__(self) -> None:
        super().__init__()
        # Its title and numbers come from us; rich formats neither, so no text can be a format.
        self._bar = Progress(
            TextColumn("{task.fields[title]}", markup=False),
            BarColumn(30),
            TextColumn("{task.fields[numbers]}", markup=False),
            console=console(sys.stderr),
            auto_refresh=False,
        )
        self._task: TaskID | None = None
        self._drawn = float("-inf")
        self._numbers = ""
        self._open = False

    def progress(self, job: Job) -> None:
        """Draw how far it is, at most once in `BAR_INTERVAL` and when it has ended."""
        now = time.monotonic()
        title, numbers = plain(job.device or job.id, 24), in_numbers(job)
        if numbers == self._numbers or (job.live and now - self._drawn < BAR_INTERVAL):
            return
        self._drawn, self._numbers = now, numbers
        if self._task is None:
            self._task = self._bar.add_task("", title=title, numbers=numbers)
            self._bar.start()
            self._open = True
        # Without a total rich would draw a bar that moves by itself.
        self._bar.update(
            self._task, total=job.len or 1, completed=job.offset, title=title, numbers=numbers
        )
        if self._open:
            self._bar.refresh()

    def notice(self, text: str) -> None:
        """Tell it above the bar."""
        if self._open:
            self._bar.console.print(plain(text))
        else:
            note(text)

    def close(self) -> None:
        """Show the cursor again."""
        if self._open:
            self._open = False
            # The terminal may have hung up, which is why this is closed.
            with contextlib.suppress(OSError):
                self._bar.stop()


class JsonReporter:
    """One JSON object a line on standard output; `type` says which."""

    def __init__(self) -> None:
        self._told: tuple[object, ...] | None = None

    def refused(self, verdict: Verdict) -> None:
        """`refused`: the verdict as `check --json` prints it."""
        say_json({"type": "refused", **verdict.model_dump()})

    def started(self, job_id: str, command: Mapping[str, Any]) -> None:
        """`started`: the job's id and the command that QEMU took."""
        say_json({"type": "started", "job": job_id, "command": command})

    def event(self, record: EventRecord) -> None:
        """`event`: as QEMU sent it, with its time in seconds since the epoch and its meaning."""
        say_json(
            {
                "type": "event",
                "event": record.name,
                "time": record.wall,
                "data": record.event.data,
                "meaning": record.meaning,
            }
        )

    def progress(self, job: Job) -> None:
        """`progress`: bytes, bytes a second and seconds; only when something is different.

        `free` are the bytes left on the target's file system where it is seen, `held_back` tells
        that it is kept slow: for the guest's writes, or to be cancelled before its target is full.
        `steering` is what is done to its speed for the guest's writes, and why.
        """
        step = (job.status, job.paused, job.offset, job.len)
        if job.live and step != self._told:
            self._told = step
            say_json(
                {
                    "type": "progress",
                    "job": job.id,
                    "status": job.state,
                    "offset": job.offset,
                    "len": job.len,
                    "rate": job.rate,
                    "eta": job.eta,
                    "free": job.care.space.free if job.care.space else None,
                    "held_back": job.care.held_back,
                    "steering": job.care.steering,
                }
            )

    def notice(self, text: str) -> None:
        """`notice`: the connection was lost or is there again."""
        say_json({"type": "notice", "text": text})

    def interrupted(self, job_id: str) -> None:
        """`interrupted`: no outcome will follow, the job goes on."""
        say_json({"type": "interrupted", "job": job_id})

    def ended(self, job: Job) -> None:
        """`outcome`: the last line."""
        say_json(
            {
                "type": "outcome",
                "job": job.id,
                "outcome": job.outcome,
                "detail": job.detail,
                "error": job.error,
                "advice": advice_for(job.error) if job.error else None,
                "device": job.device,
                "target": job.target,
                "offset": job.offset,
                "len": job.len,
                "seconds": _taken(job),
            }
        )

    def close(self) -> None:
        """There is nothing to restore."""
