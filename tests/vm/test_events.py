"""Events say in plain words what happened and how much it matters."""

from typing import Any

import pytest

from tui.qmp.models import QmpEvent, Timestamp
from tui.vm.events import EventLog, Gravity, explain

ENDED = {"device": "j", "type": "backup", "len": 8, "speed": 0}
IO_ERROR = {"device": "d0", "node-name": "n", "operation": "write", "nospace": True}


@pytest.mark.parametrize(
    ("name", "data", "subject", "meaning", "gravity"),
    [
        ("JOB_STATUS_CHANGE", {"id": "j", "status": "running"}, "j", "job is copying", "info"),
        (
            "JOB_STATUS_CHANGE",
            {"id": "j", "status": "aborting"},
            "j",
            "job is being undone",
            "warning",
        ),
        ("JOB_STATUS_CHANGE", {"id": "j", "status": "new"}, "j", "job is new", "info"),
        ("BLOCK_JOB_COMPLETED", {**ENDED, "offset": 8}, "j", "backup completed", "good"),
        ("BLOCK_JOB_COMPLETED", {**ENDED, "offset": 3}, "j", "backup stopped at 3 of 8", "bad"),
        (
            "BLOCK_JOB_COMPLETED",
            {**ENDED, "offset": 3, "error": "No space left on device"},
            "j",
            "backup failed: No space left on device",
            "bad",
        ),
        (
            "BLOCK_JOB_CANCELLED",
            {**ENDED, "offset": 3},
            "j",
            "backup cancelled at 3 of 8",
            "warning",
        ),
        (
            "BLOCK_JOB_ERROR",
            {"device": "j", "operation": "write", "action": "stop"},
            "j",
            "write error on the target: job paused",
            "bad",
        ),
        (
            "BLOCK_JOB_ERROR",
            {"device": "j", "operation": "read", "action": "report"},
            "j",
            "read error on the source: job will fail",
            "bad",
        ),
        ("BLOCK_JOB_PENDING", {"id": "j"}, "j", "job waits to be finalized", "info"),
        (
            "BLOCK_IO_ERROR",
            {**IO_ERROR, "action": "stop", "reason": "No space left on device"},
            "d0",
            "guest write failed, No space left on device: the guest is stopped",
            "bad",
        ),
        (
            "BLOCK_IO_ERROR",
            {**IO_ERROR, "device": "", "action": "report"},
            "n",
            "guest write failed, no reason given: the guest sees the error",
            "bad",
        ),
        ("STOP", {}, "", "guest stopped", "warning"),
        ("RESUME", {}, "", "guest runs", "good"),
        (
            "SHUTDOWN",
            {"guest": False, "reason": "host-signal"},
            "",
            "VM shuts down, asked by the host (host-signal)",
            "warning",
        ),
        ("NIC_RX_FILTER_CHANGED", {"name": "net0"}, "", "nic rx filter changed", "info"),
    ],
)
def test_an_event_has_a_subject_a_meaning_and_a_gravity(
    name: str, data: dict[str, Any], subject: str, meaning: str, gravity: str
) -> None:
    explained = explain(QmpEvent(event=name, data=data))
    assert explained == (subject, meaning, Gravity(gravity))


def test_the_log_is_bounded_and_says_what_it_dropped() -> None:
    log = EventLog(capacity=3)
    for number in range(5):
        log.add(QmpEvent(event="STOP", timestamp=Timestamp(seconds=number, microseconds=500_000)))
    assert [record.number for record in log.since(0)] == [3, 4, 5]
    assert [record.wall for record in log.since(4)] == [4.5]
    assert (log.total, log.dropped) == (5, 2)


def error(device: str, second: int, operation: str = "read") -> QmpEvent:
    data = {"device": device, "operation": operation, "action": "ignore"}
    stamp = Timestamp(seconds=second, microseconds=0)
    return QmpEvent(event="BLOCK_JOB_ERROR", timestamp=stamp, data=data)


def test_an_error_that_a_job_meets_again_and_again_is_one_line_with_a_count() -> None:
    log = EventLog()
    for second in range(3):
        log.add(error("a", second))
        log.add(error("b", second))
    first, second_ = log.since(0)
    assert (first.subject, first.times, first.wall, first.last) == ("a", 3, 0, 2)
    assert (second_.subject, second_.times) == ("b", 3)
    assert "(3 times until " in first.words
    assert (log.total, log.dropped) == (6, 0)


def test_what_a_job_says_in_between_parts_its_errors() -> None:
    log = EventLog()
    for operation in ("read", "write", "write"):
        log.add(error("a", 1, operation))
    status = {"id": "a", "status": "paused"}
    log.add(QmpEvent(event="JOB_STATUS_CHANGE", data=status))
    log.add(error("a", 2, "write"))
    assert [record.times for record in log.since(0)] == [1, 2, 1, 1]


def io_error(second: int, action: str = "report") -> QmpEvent:
    """A write of the guest that failed."""
    data = {**IO_ERROR, "action": action, "reason": "Input/output error"}
    stamp = Timestamp(seconds=second, microseconds=0)
    return QmpEvent(event="BLOCK_IO_ERROR", timestamp=stamp, data=data)


def test_a_guest_that_fails_again_and_again_pushes_nothing_else_out() -> None:
    log = EventLog()
    # By default a job is called as its disk is.
    log.add(QmpEvent(event="JOB_STATUS_CHANGE", data={"id": "d0", "status": "created"}))
    for second in range(6000):
        log.add(io_error(second))
        log.add(error("d0", second))
    assert [(record.name, record.times) for record in log.since(0)] == [
        ("JOB_STATUS_CHANGE", 1),
        ("BLOCK_IO_ERROR", 6000),
        ("BLOCK_JOB_ERROR", 6000),
    ]
    assert log.dropped == 0


def test_each_stop_of_the_guest_has_its_error() -> None:
    log = EventLog()
    for second in range(2):
        log.add(io_error(second, "stop"))
        log.add(QmpEvent(event="STOP"))
        log.add(QmpEvent(event="RESUME"))
    assert [record.name for record in log.since(0)] == ["BLOCK_IO_ERROR", "STOP", "RESUME"] * 2


def test_repeated_errors_that_fall_out_are_counted_each() -> None:
    log = EventLog(capacity=2)
    for _ in range(4):
        log.add(error("a", 1))
    log.add(QmpEvent(event="STOP"))
    log.add(QmpEvent(event="RESUME"))
    log.add(error("a", 5))
    assert [record.times for record in log.since(0)] == [1, 1]
    assert (log.total, log.dropped) == (7, 5)
