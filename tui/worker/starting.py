"""The start of a job and its cancellation, told to the tracker step by step."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tui.qmp.errors import CommandRefused
from tui.qmp.session import QmpSession
from tui.vm.snapshot import Job
from tui.worker.state import VmState


async def start_job(
    session: QmpSession,
    state: VmState,
    job: Job,
    command: Mapping[str, Any],
    deadline: float,
) -> str:
    """Send the command that starts a job of ours; returns the job's id.

    Raises:
        QmpError: as `VmWorker.start`.
    """
    tracker = state.tracker
    tracker.expect(replace(job, command=command))
    try:
        await session.execute(command["execute"], command["arguments"], timeout=deadline)
    except CommandRefused:
        tracker.refused(job.id)
        raise
    except BaseException:
        # Also who is cancelled while QEMU works on it does not know.
        tracker.unsure(job.id)
        raise
    tracker.accepted(job.id)
    return job.id


async def cancel_job(session: QmpSession, state: VmState, job_id: str, deadline: float) -> None:
    """Cancel a job. `force` because QEMU refuses to cancel a paused job without it.

    Raises:
        QmpError: as `VmWorker.cancel`.
    """
    state.tracker.cancel_requested(job_id)
    arguments = {"device": job_id, "force": True}
    try:
        await session.execute("block-job-cancel", arguments, timeout=deadline)
    except CommandRefused:
        state.tracker.cancel_refused(job_id)
        raise
