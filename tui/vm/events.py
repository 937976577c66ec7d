"""QMP events in plain words, and the bounded log of them."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from tui.qmp.models import QmpEvent, Timestamp
from tui.units import size

JOB_ERROR = "BLOCK_JOB_ERROR"
_REPEATING = frozenset({JOB_ERROR, "BLOCK_IO_ERROR"})
"""What can come thousands of times a second, from a job or from each write of a guest."""

NOT_WATCHED = "NOT_WATCHED"
"""A mark of our own between QEMU's events: what happened in a time is not known."""


NOTE = "BLOCKDECK_NOTE"
"""Another: what BlockDeck did of itself."""


_PARTING = frozenset({"STOP", "RESUME"})
"""What comes after these is told by itself, whatever was said before."""


class Gravity(StrEnum):
    """How much an event matters to whoever watches a backup."""

    INFO = "info"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(slots=True, eq=False)
class EventRecord:
    """One event as listed, or the same error of a job many times over.

    Attributes:
        number: its place among all events.
        wall: QEMU's own time stamp in seconds since the epoch, of the first.
        last: likewise, of the last.
        times: how often it came.
        event: as QEMU sent it, the first.
        vm: what the VM is called, where those of several are listed.
    """

    number: int
    wall: float
    name: str
    subject: str
    meaning: str
    gravity: Gravity
    event: QmpEvent
    last: float = 0.0
    times: int = 1
    vm: str = ""

    @property
    def words(self) -> str:
        """What it means, and how often it came."""
        if self.times == 1:
            return self.meaning
        until = time.strftime("%T", time.localtime(self.last))
        return f"{self.meaning} ({self.times:,} times until {until})"


_Data = Mapping[str, Any]
_Explanation = tuple[str, str, Gravity]

_JOB_STATUS = {
    "created": "job created",
    "running": "job is copying",
    "paused": "job drained or paused",
    "ready": "job is ready to complete",
    "standby": "job is paused while ready",
    "waiting": "job waits for its group",
    "pending": "job is about to finish",
    "aborting": "job is being undone",
    "concluded": "job has ended",
    "null": "job is gone",
}


def _job_status(data: _Data) -> _Explanation:
    status = str(data.get("status", "?"))
    gravity = Gravity.WARNING if status == "aborting" else Gravity.INFO
    return str(data.get("id", "")), _JOB_STATUS.get(status, f"job is {status}"), gravity


def _job_completed(data: _Data) -> _Explanation:
    subject = str(data.get("device", ""))
    error = data.get("error")
    if error:
        return subject, f"{data.get('type', 'job')} failed: {error}", Gravity.BAD
    done, length = data.get("offset"), data.get("len")
    if done != length:
        return subject, f"{data.get('type', 'job')} stopped at {done} of {length}", Gravity.BAD
    return subject, f"{data.get('type', 'job')} completed", Gravity.GOOD


def _job_cancelled(data: _Data) -> _Explanation:
    return (
        str(data.get("device", "")),
        f"{data.get('type', 'job')} cancelled at {data.get('offset')} of {data.get('len')}",
        Gravity.WARNING,
    )


def _job_error(data: _Data) -> _Explanation:
    action = {"stop": "job paused", "ignore": "ignored, tried again", "report": "job will fail"}
    what = action.get(str(data.get("action")), str(data.get("action")))
    side = "the source" if data.get("operation") == "read" else "the target"
    return (
        str(data.get("device", "")),
        f"{data.get('operation')} error on {side}: {what}",
        Gravity.BAD,
    )


def _whose(data: _Data) -> str:
    """The job or the disk of an error."""
    return str(data.get("device") or data.get("node-name") or data.get("qom-path") or "")


def _io_error(data: _Data) -> _Explanation:
    reason = data.get("reason") or "no reason given"
    effect = {"stop": "the guest is stopped", "report": "the guest sees the error"}
    what = effect.get(str(data.get("action")), f"action {data.get('action')}")
    return _whose(data), f"guest {data.get('operation')} failed, {reason}: {what}", Gravity.BAD


def _shutdown(data: _Data) -> _Explanation:
    who = "the guest" if data.get("guest") else "the host"
    return "", f"VM shuts down, asked by {who} ({data.get('reason', 'no reason')})", Gravity.WARNING


def _threshold(data: _Data) -> _Explanation:
    over, limit = data.get("amount-exceeded"), data.get("write-threshold")
    numbers = f"of {size(limit)}, by {size(over)}" if isinstance(over, int) else "of its file"
    words = f"write threshold {numbers} passed: room for its image runs out"
    return str(data.get("node-name", "")), words, Gravity.WARNING


def _said(words: str, gravity: Gravity = Gravity.INFO) -> Callable[[_Data], _Explanation]:
    def explain_so(data: _Data) -> _Explanation:
        subject = data.get("device") or data.get("id") or data.get("node-name") or ""
        return str(subject), words, gravity

    return explain_so


def _not_watched(data: _Data) -> _Explanation:
    begin, end = (_clock(data.get(name)) for name in ("since", "until"))
    return str(data.get("id", "")), f"not watched from {begin} to {end}", Gravity.WARNING


def _note(data: _Data) -> _Explanation:
    return str(data.get("id", "")), str(data.get("words", "")), Gravity.WARNING


def _clock(wall: object) -> str:
    return time.strftime("%F %T", time.localtime(wall)) if isinstance(wall, float) else "?"


_MEANINGS: Mapping[str, Callable[[_Data], _Explanation]] = {
    "JOB_STATUS_CHANGE": _job_status,
    "BLOCK_JOB_COMPLETED": _job_completed,
    "BLOCK_JOB_CANCELLED": _job_cancelled,
    "BLOCK_JOB_ERROR": _job_error,
    "BLOCK_JOB_READY": _said("job is ready to complete"),
    "BLOCK_JOB_PENDING": _said("job waits to be finalized"),
    "BLOCK_IO_ERROR": _io_error,
    "BLOCK_WRITE_THRESHOLD": _threshold,
    "BLOCK_IMAGE_CORRUPTED": _said("image is corrupted", Gravity.BAD),
    "STOP": _said("guest stopped", Gravity.WARNING),
    "RESUME": _said("guest runs", Gravity.GOOD),
    "RESET": _said("guest reset", Gravity.WARNING),
    "SUSPEND": _said("guest suspended"),
    "WAKEUP": _said("guest woke up"),
    "POWERDOWN": _said("guest asked to power down", Gravity.WARNING),
    "SHUTDOWN": _shutdown,
    "GUEST_PANICKED": _said("guest panicked", Gravity.BAD),
    "DEVICE_DELETED": _said("device removed"),
    "DEVICE_TRAY_MOVED": _said("tray moved"),
    NOT_WATCHED: _not_watched,
    NOTE: _note,
}


def explain(event: QmpEvent) -> _Explanation:
    """What an event is about, what it means in plain words, and how grave it is."""
    meaning = _MEANINGS.get(event.event)
    if meaning is None:
        words = event.event.replace("_", " ").lower()
        return _said(words)(event.data)
    return meaning(event.data)


class EventLog:
    """The newest events; older ones fall out and are counted in `dropped`.

    A job that ignores a lasting error meets it thousands of times a second, and a guest may try as
    often. What is said again and again is one record with a count, until the job, or of the disk,
    something else is said.
    """

    def __init__(self, capacity: int = 5000) -> None:
        self._records: deque[EventRecord] = deque(maxlen=capacity)
        # By the event's name and its subject.
        self._repeating: dict[tuple[str, str], EventRecord] = {}
        self.total = 0
        self.dropped = 0

    def add(self, event: QmpEvent) -> EventRecord:
        """Record an event with what it means."""
        self.total += 1
        repeated = self._repeated(event) if event.event in _REPEATING else None
        if repeated is not None:
            repeated.times += 1
            repeated.last = event.timestamp.epoch
            return repeated
        subject, meaning, gravity = explain(event)
        wall = event.timestamp.epoch
        record = EventRecord(
            number=self.total,
            wall=wall,
            name=event.event,
            subject=subject,
            meaning=meaning,
            gravity=gravity,
            event=event,
            last=wall,
        )
        self._append(record)
        return record

    def _repeated(self, event: QmpEvent) -> EventRecord | None:
        """What was said last of the job or disk, where that was the same error."""
        last = self._repeating.get((event.event, _whose(event.data)))
        same = last is not None and (last.event.data is event.data or last.event.data == event.data)
        return last if same else None

    def _append(self, record: EventRecord) -> None:
        if len(self._records) == self._records.maxlen:
            oldest = self._records[0]
            self.dropped += oldest.times
            if self._repeating.get((oldest.name, oldest.subject)) is oldest:
                del self._repeating[oldest.name, oldest.subject]
        self._records.append(record)
        if record.name in _REPEATING:
            self._repeating[record.name, record.subject] = record
        elif record.name in _PARTING:
            self._repeating.clear()
        else:
            for name in _REPEATING:
                self._repeating.pop((name, record.subject), None)

    def mark_gap(self, since: float, until: float, job_id: str = "") -> EventRecord:
        """Mark a time in which nobody listened.

        Args:
            since: seconds since the epoch.
            until: likewise.
            job_id: the job that nobody watched then; empty is the whole VM.
        """
        data = {"id": job_id, "since": since, "until": until, "marked by": "BlockDeck"}
        return self.add(QmpEvent(event=NOT_WATCHED, timestamp=_stamp(until), data=data))

    def note(self, words: str, wall: float, job_id: str) -> EventRecord:
        """Mark what BlockDeck did of itself for a job; `wall` is seconds since the epoch."""
        data = {"id": job_id, "words": words, "marked by": "BlockDeck"}
        return self.add(QmpEvent(event=NOTE, timestamp=_stamp(wall), data=data))

    def newest(self, count: int) -> tuple[EventRecord, ...]:
        """So many of the held events, oldest first."""
        return tuple(reversed([*islice(reversed(self._records), count)]))

    def since(self, number: int) -> tuple[EventRecord, ...]:
        """The held events with a number above this one, oldest first."""
        fresh: list[EventRecord] = []
        for record in reversed(self._records):
            if record.number <= number:
                break
            fresh.append(record)
        return tuple(reversed(fresh))


def _stamp(wall: float) -> Timestamp:
    seconds = int(wall)
    return Timestamp(seconds=seconds, microseconds=int((wall - seconds) * 1e6))
