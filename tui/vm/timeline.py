"""What happened to one job, from its events and those of the guest meanwhile."""

from collections.abc import Iterable
from dataclasses import dataclass

from tui.vm.events import NOT_WATCHED, NOTE, EventRecord, Gravity

_OF_THE_GUEST = frozenset(
    {"STOP", "RESUME", "BLOCK_IO_ERROR", "BLOCK_WRITE_THRESHOLD", "RESET", "SHUTDOWN"}
)
_LONGEST_DRAIN = 1.0
"""Seconds within which a `paused` that is followed by `running` was no pause, but a drain."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a timeline: `wall` is seconds since the epoch, by QEMU's clock."""

    wall: float
    words: str
    gravity: Gravity = Gravity.INFO


def timeline(
    records: Iterable[EventRecord], job_id: str, since: float | None, until: float | None = None
) -> tuple[Moment, ...]:
    """The moments of a job, oldest first; drains are left out, but counted.

    Args:
        records: the events that are held, oldest first.
        job_id: of the job.
        since: when it began, seconds since the epoch; None is not known.
        until: when it ended; None while it runs.
    """
    begin, end = since or float("-inf"), until or float("inf")
    # QEMU's time stamps and ours are of one clock where both are on one host, else nearly.
    mine = [r for r in records if begin - 1 <= r.wall <= end + 1 and _concerns(r, job_id)]
    moments: list[Moment] = []
    drains, place = 0, 0
    while place < len(mine):
        if _is_drain(mine[place : place + 2]):
            drains += 1
            place += 2
            continue
        record = mine[place]
        moments.append(Moment(record.wall, record.words, record.gravity))
        place += 1
    if drains and mine:
        times = "once" if drains == 1 else f"{drains} times"
        moments.append(Moment(mine[-1].wall, f"drained {times} in all, which is no pause"))
    return tuple(moments)


def _concerns(record: EventRecord, job_id: str) -> bool:
    data = record.event.data
    if record.name in (NOT_WATCHED, NOTE):
        return record.subject in ("", job_id)
    if record.name.startswith(("JOB_", "BLOCK_JOB_")):
        return job_id in (data.get("id"), data.get("device"))
    return record.name in _OF_THE_GUEST


def _is_drain(pair: list[EventRecord]) -> bool:
    states = [record.event.data.get("status") for record in pair]
    jobs = all(record.name == "JOB_STATUS_CHANGE" for record in pair)
    near = len(pair) == 2 and pair[1].wall - pair[0].wall <= _LONGEST_DRAIN
    return jobs and near and states == ["paused", "running"]
