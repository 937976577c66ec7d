"""QMP events in plain words, and the bounded log of them."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tui.qmp.models import QmpEvent


class Gravity(StrEnum):
    """How much an event matters to whoever watches a backup."""

    INFO = "info"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event as listed: `wall` is QEMU's own time stamp in seconds since the epoch."""

    number: int
    wall: float
    name: str
    subject: str
    meaning: str
    gravity: Gravity
    event: QmpEvent


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


def _io_error(data: _Data) -> _Explanation:
    subject = str(data.get("device") or data.get("node-name") or data.get("qom-path") or "")
    reason = data.get("reason") or "no reason given"
    effect = {"stop": "the guest is stopped", "report": "the guest sees the error"}
    what = effect.get(str(data.get("action")), f"action {data.get('action')}")
    return subject, f"guest {data.get('operation')} failed, {reason}: {what}", Gravity.BAD


def _shutdown(data: _Data) -> _Explanation:
    who = "the guest" if data.get("guest") else "the host"
    return "", f"VM shuts down, asked by {who} ({data.get('reason', 'no reason')})", Gravity.WARNING


def _said(words: str, gravity: Gravity = Gravity.INFO) -> Callable[[_Data], _Explanation]:
    def explain_so(data: _Data) -> _Explanation:
        subject = data.get("device") or data.get("id") or data.get("node-name") or ""
        return str(subject), words, gravity

    return explain_so


_MEANINGS: Mapping[str, Callable[[_Data], _Explanation]] = {
    "JOB_STATUS_CHANGE": _job_status,
    "BLOCK_JOB_COMPLETED": _job_completed,
    "BLOCK_JOB_CANCELLED": _job_cancelled,
    "BLOCK_JOB_ERROR": _job_error,
    "BLOCK_JOB_READY": _said("job is ready to complete"),
    "BLOCK_JOB_PENDING": _said("job waits to be finalized"),
    "BLOCK_IO_ERROR": _io_error,
    "BLOCK_WRITE_THRESHOLD": _said("write threshold passed", Gravity.WARNING),
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
}


def explain(event: QmpEvent) -> _Explanation:
    """What an event is about, what it means in plain words, and how grave it is."""
    meaning = _MEANINGS.get(event.event)
    if meaning is None:
        words = event.event.replace("_", " ").lower()
        return _said(words)(event.data)
    return meaning(event.data)


class EventLog:
    """The newest events; older ones fall out and are counted in `dropped`."""

    def __init__(self, capacity: int = 5000) -> None:
        self._records: deque[EventRecord] = deque(maxlen=capacity)
        self.total = 0

    @property
    def dropped(self) -> int:
        """How many events are no longer held."""
        return self.total - len(self._records)

    def add(self, event: QmpEvent) -> EventRecord:
        """Record an event with what it means."""
        subject, meaning, gravity = explain(event)
        self.total += 1
        record = EventRecord(
            number=self.total,
            wall=event.timestamp.epoch,
            name=event.event,
            subject=subject,
            meaning=meaning,
            gravity=gravity,
            event=event,
        )
        self._records.append(record)
        return record

    def since(self, number: int) -> tuple[EventRecord, ...]:
        """The held events with a number above this one, oldest first."""
        fresh: list[EventRecord] = []
        for record in reversed(self._records):
            if record.number <= number:
                break
            fresh.append(record)
        return tuple(reversed(fresh))
