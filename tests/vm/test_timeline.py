"""The moments of a job: what matters to it, and no drains."""

from tui.qmp.models import QmpEvent
from tui.vm.events import EventLog
from tui.vm.timeline import timeline


def told(*events: tuple[float, str, dict[str, object]]) -> EventLog:
    """A log of events, each with its second."""
    log = EventLog()
    for second, name, data in events:
        stamp = {"seconds": int(second), "microseconds": int(second % 1 * 1_000_000)}
        event = {"event": name, "data": data, "timestamp": stamp}
        log.add(QmpEvent.model_validate(event))
    return log


def status(second: float, word: str, job: str = "j") -> tuple[float, str, dict[str, object]]:
    """A JOB_STATUS_CHANGE."""
    return second, "JOB_STATUS_CHANGE", {"id": job, "status": word}


def words(log: EventLog, since: float | None = None, until: float | None = None) -> list[str]:
    """What the timeline of job j says."""
    return [moment.words for moment in timeline(log.since(0), "j", since, until)]


def test_drains_are_counted_and_left_out() -> None:
    log = told(
        status(1, "created"),
        status(1, "running"),
        status(1.1, "paused"),
        status(1.2, "running"),
        status(5, "paused"),
        status(9, "running"),
    )
    assert words(log) == [
        *("job created", "job is copying", "job drained or paused", "job is copying"),
        "drained once in all, which is no pause",
    ]


def test_other_jobs_are_not_told_of_and_the_guest_is() -> None:
    log = told(status(1, "created"), status(2, "created", "k"), (3, "STOP", {}))
    assert words(log) == ["job created", "guest stopped"]


def test_what_an_earlier_job_of_that_id_did_is_not_told() -> None:
    log = told(status(1, "created"), status(50, "created"), status(90, "created"))
    assert len(words(log, since=50, until=60)) == 1
