"""Jobs that end together: why those were cancelled that nobody asked to."""

from collections.abc import Mapping
from typing import Any

from tui.vm.job import Job, Outcome
from tui.vm.roster import Roster

WITH_OTHERS = "with the others of its transaction"
"""As long as it is not known how those end."""


def siblings_of(job: Job | None) -> tuple[str, ...]:
    """The ids of the other jobs that end with a job, as the transaction tells that began it."""
    command: Mapping[str, Any] = (job.command if job is not None else None) or {}
    arguments = command.get("arguments", {})
    if job is None or arguments.get("properties", {}).get("completion-mode") != "grouped":
        return ()
    ids = (action.get("data", {}).get("job-id") for action in arguments.get("actions", ()))
    return tuple(str(job_id) for job_id in ids if job_id not in (None, job.id))


def who_cancelled(
    job_id: str, roster: Roster, ours: Mapping[str, str], shutdown: str, by_others: str
) -> str:
    """Who cancelled a job, or with which other one it had to end.

    Args:
        job_id: the job.
        roster: the jobs.
        ours: our own cancellations, by the id of the job.
        shutdown: who ends the VM, if anybody does.
        by_others: what is said where none of this tells it.
    """
    if job_id in ours:
        return ours[job_id]
    found = (roster.get(sibling) for sibling in siblings_of(roster.get(job_id)))
    others = [job for job in found if job is not None]
    for other in others:
        if other.id in ours:
            return f"{ours[other.id]} (with {other.device})"
    if shutdown:
        return shutdown
    endings = {other.device: roster.ending(other.id) for other in others}
    for device, ending in endings.items():
        if ending is not None and ending[0] is Outcome.FAILED:
            return f"with the others, because {device} failed"
    return WITH_OTHERS if None in endings.values() else by_others
