"""A tracker and what QEMU would tell it, in a few words each."""

from typing import Any

from tui.qmp.models import BlockJobInfo, JobInfo, QmpEvent
from tui.vm.job import Job
from tui.vm.jobs import JobTracker

MIB = 1 << 20


class Feed:
    """A tracker with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.tracker = JobTracker(lambda: self.now, lambda: 1_000_000.0 + self.now)

    def event(self, event_name: str, **data: Any) -> None:
        """One event."""
        self.tracker.on_event(QmpEvent(event=event_name, data=data))

    def statuses(self, job_id: str, *statuses: str) -> None:
        """JOB_STATUS_CHANGE, one after the other."""
        for status in statuses:
            self.event("JOB_STATUS_CHANGE", id=job_id, status=status)

    def started(self, job_id: str) -> None:
        """What precedes the reply of `drive-backup`."""
        self.statuses(job_id, "created", "running", "paused", "running")

    def completed(self, job_id: str, offset: int = MIB, length: int = MIB, **more: Any) -> None:
        """BLOCK_JOB_COMPLETED, of a failed job with `error`."""
        told = {"device": job_id, "offset": offset, "len": length, "speed": 0, "type": "backup"}
        self.event("BLOCK_JOB_COMPLETED", **told, **more)

    def cancelled(self, job_id: str, offset: int = 0, length: int = MIB) -> None:
        """BLOCK_JOB_CANCELLED."""
        told = {"device": job_id, "offset": offset, "len": length, "speed": 0, "type": "backup"}
        self.event("BLOCK_JOB_CANCELLED", **told)

    def poll(self, *jobs: JobInfo, since: int | None = None, **details: Any) -> None:
        """The replies to a poll; `details` go into `query-block-jobs` of each job."""
        more = [
            BlockJobInfo.model_validate({"device": job.id, "type": job.type, **details})
            for job in jobs
            if job.type == "backup"
        ]
        self.tracker.on_poll(jobs, more, since)

    @property
    def only(self) -> Job:
        """The one job there is."""
        (job,) = self.tracker.jobs()
        return job


def info(
    job_id: str,
    status: str = "running",
    offset: int = 0,
    length: int = MIB,
    *,
    error: str | None = None,
    type_: str = "backup",
) -> JobInfo:
    """An entry of `query-jobs`."""
    return JobInfo(
        id=job_id,
        type=type_,
        status=status,
        current_progress=offset,
        total_progress=length,
        error=error,
    )


def ours(job_id: str = "blockdeck-a") -> Job:
    """A backup about to be started here."""
    command = {"execute": "drive-backup", "arguments": {"job-id": job_id}}
    return Job(id=job_id, type="backup", ours=True, device="d0", command=command)
