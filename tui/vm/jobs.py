"""From job events and polls to jobs with a truthful outcome.

The tracker is fed in the order QEMU sent things. Success is never assumed: a job of any kind succeeded
only if it concluded without an error and with all of its length done.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from tui.qmp.models import BlockJobInfo, JobInfo, QmpEvent
from tui.vm.snapshot import OUR_JOB_PREFIX, Job, Outcome

FINISHED_KEPT = 500
"""How many ended jobs are held; beyond that the oldest go."""

RATE_WINDOW = 10.0
"""Seconds over which a job's rate is averaged."""

_BLOCK_JOB_TYPES = frozenset({"backup", "mirror", "commit", "stream"})


class _Progress:
    """Samples of (time, offset) within the rate window."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=64)

    def add(self, now: float, offset: int) -> None:
        if self._samples and offset < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((now, offset))
        while len(self._samples) > 2 and now - self._samples[1][0] >= RATE_WINDOW:
            self._samples.popleft()

    def rate(self) -> float | None:
        """Bytes a second; None before there are two samples at different times."""
        if len(self._samples) < 2:
            return None
        (start, first), (end, last) = self._samples[0], self._samples[-1]
        return (last - first) / (end - start) if end > start else None


class JobTracker:
    """The jobs of one VM. Feed it events and polls, read `jobs()`.

    Args:
        clock: monotonic seconds.
        wall: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._clock = clock
        self._wall = wall
        self._live: dict[str, Job] = {}
        self._progress: dict[str, _Progress] = {}
        self._expected: dict[str, Job] = {}
        self._finished: deque[Job] = deque(maxlen=FINISHED_KEPT)
        self._endings: dict[str, tuple[Outcome, str, str | None]] = {}
        self._cancelled_by_us: set[str] = set()
        self._recorded: set[str] = set()
        self._unsure: set[str] = set()
        self._shutdown: str | None = None
        self._serial = 0

    # --- what others tell it ---------------------------------------------------------------------

    def expect(self, job: Job) -> None:
        """Announce a job of ours before its command is sent: its events precede the reply."""
        self._expected[job.id] = job

    def refused(self, job_id: str) -> None:
        """QEMU refused to start an expected job."""
        self._expected.pop(job_id, None)

    def unsure(self, job_id: str) -> None:
        """Nobody knows whether the command that starts the job was carried out: a poll will tell."""
        if job_id in self._expected:
            self._unsure.add(job_id)

    def cancel_requested(self, job_id: str) -> None:
        """Remember that a cancellation is ours."""
        self._cancelled_by_us.add(job_id)

    def clear_finished(self) -> None:
        """Forget the ended jobs."""
        self._finished.clear()

    def locate(self, job_devices: Mapping[str, tuple[str, str]]) -> None:
        """Tell which disk a job works on: job id to (device key, title)."""
        for job_id, (key, title) in job_devices.items():
            job = self._live.get(job_id)
            if job is not None and job.device_key is None:
                self._live[job_id] = replace(job, device_key=key, device=title)

    # --- what QEMU tells it ----------------------------------------------------------------------

    def on_event(self, event: QmpEvent) -> None:
        """Take in one event; those of no concern to jobs are ignored."""
        data = event.data
        match event.event:
            case "JOB_STATUS_CHANGE":
                self._on_status(str(data.get("id", "")), str(data.get("status", "")))
            case "BLOCK_JOB_COMPLETED" | "BLOCK_JOB_CANCELLED":
                self._on_ending(event.event, data)
            case "BLOCK_JOB_ERROR" if data.get("action") == "stop":
                self._change(str(data.get("device", "")), paused=True)
            case "SHUTDOWN":
                self._shutdown = "guest shutdown" if data.get("guest") else "QEMU quit"

    def on_poll(self, jobs: Iterable[JobInfo], block_jobs: Iterable[BlockJobInfo]) -> None:
        """Take in the replies of `query-jobs` and, asked for after it, `query-block-jobs`."""
        now = self._clock()
        details = {info.device: info for info in block_jobs}
        present = set()
        for info in jobs:
            present.add(info.id)
            self._on_job_info(info, details.get(info.id), now)
        for job_id in [job_id for job_id in self._live if job_id not in present]:
            self._vanished(job_id)
        for job_id in self._unsure - present:
            self._expected.pop(job_id, None)
        self._unsure.clear()

    def on_qemu_gone(self, reason: str) -> None:
        """QEMU has ended or another one answers: what still ran is lost."""
        for job_id in list(self._live):
            ending = self._endings.get(job_id)
            if ending is not None:
                self._finish(job_id, *ending)
            elif self._shutdown is not None:
                self._finish(job_id, Outcome.CANCELLED, self._shutdown)
            else:
                self._finish(job_id, Outcome.LOST, reason)
        self._expected.clear()
        self._shutdown = None

    # --- what it tells ---------------------------------------------------------------------------

    def jobs(self) -> tuple[Job, ...]:
        """All jobs, the ended ones first, each group in the order of time."""
        return (*self._finished, *self._live.values())

    @property
    def busy(self) -> bool:
        """Whether QEMU may be working on any job."""
        return bool(self._expected) or any(job.live for job in self._live.values())

    def to_dismiss(self) -> tuple[str, ...]:
        """Ids of our concluded jobs that QEMU still holds and whose outcome is known here."""
        return tuple(
            job.id
            for job in self._live.values()
            if job.ours and job.status == "concluded" and job.id in self._recorded
        )

    # --- inside ----------------------------------------------------------------------------------

    def _on_status(self, job_id: str, status: str) -> None:
        if status == "null":
            self._vanished(job_id)
            return
        if job_id not in self._live:
            self._appear(job_id)
        self._change(job_id, status=status)
        if status == "running":
            self._change(job_id, paused=False)
        if status == "concluded" and job_id in self._endings:
            self._record(job_id)

    def _on_ending(self, name: str, data: Mapping[str, Any]) -> None:
        job_id = str(data.get("device", ""))
        if job_id not in self._live:
            self._appear(job_id)
        offset, length = int(data.get("offset", 0)), int(data.get("len", 0))
        self._change(
            job_id,
            type=str(data.get("type", "")),
            offset=offset,
            len=length,
            speed=int(data.get("speed", 0)),
        )
        error = data.get("error")
        if name == "BLOCK_JOB_CANCELLED":
            self._endings[job_id] = (Outcome.CANCELLED, self._canceller(job_id), None)
        elif error:
            self._endings[job_id] = (Outcome.FAILED, str(error), str(error))
        elif offset != length:
            words = f"stopped after {offset} of {length} bytes"
            self._endings[job_id] = (Outcome.FAILED, words, None)
        else:
            self._endings[job_id] = (Outcome.SUCCEEDED, "", None)

    def _canceller(self, job_id: str) -> str:
        if job_id in self._cancelled_by_us:
            return "by us"
        return f"by {self._shutdown}" if self._shutdown else "by another client"

    def _on_job_info(self, info: JobInfo, detail: BlockJobInfo | None, now: float) -> None:
        if info.id not in self._live:
            if info.type not in _BLOCK_JOB_TYPES and info.id not in self._expected:
                return
            self._appear(info.id)
        self._change(
            info.id,
            type=info.type,
            status=info.status,
            offset=info.current_progress,
            len=info.total_progress,
        )
        if detail is not None:
            self._change(
                info.id, paused=detail.paused, speed=detail.speed, io_status=detail.io_status
            )
        if info.status == "concluded":
            self._concluded_in_poll(info)
            return
        progress = self._progress.setdefault(info.id, _Progress())
        progress.add(now, info.current_progress)
        self._estimate(info.id, progress)

    def _concluded_in_poll(self, info: JobInfo) -> None:
        """A concluded job found by a poll: its events may have been sent to nobody."""
        if info.id not in self._endings:
            if info.error == "Operation canceled":
                self._endings[info.id] = (Outcome.CANCELLED, self._canceller(info.id), info.error)
            elif info.error:
                self._endings[info.id] = (Outcome.FAILED, info.error, info.error)
            elif info.current_progress != info.total_progress:
                words = f"stopped after {info.current_progress} of {info.total_progress} bytes"
                self._endings[info.id] = (Outcome.FAILED, words, None)
            else:
                self._endings[info.id] = (Outcome.SUCCEEDED, "", None)
        self._record(info.id)

    def _estimate(self, job_id: str, progress: _Progress) -> None:
        job = self._live[job_id]
        rate = progress.rate()
        eta = None
        if rate and not job.paused and job.len > job.offset and job.status == "running":
            eta = (job.len - job.offset) / rate
        self._change(job_id, rate=rate, eta=eta)

    def _appear(self, job_id: str) -> None:
        expected = self._expected.pop(job_id, None)
        self._serial += 1
        self._endings.pop(job_id, None)
        self._recorded.discard(job_id)
        self._cancelled_by_us.discard(job_id)
        job = expected or Job(id=job_id, type="", ours=job_id.startswith(OUR_JOB_PREFIX))
        # A job that was running before we looked has no start of ours to count from.
        known_start = expected is not None
        self._live[job_id] = replace(
            job,
            key=self._serial,
            started=self._clock(),
            wall_started=self._wall() if known_start else job.wall_started,
        )

    def _change(self, job_id: str, **changes: Any) -> None:
        job = self._live.get(job_id)
        if job is not None:
            self._live[job_id] = replace(job, **changes)

    def _record(self, job_id: str) -> None:
        """The outcome is certain while QEMU still holds the job: show it, and let it be dismissed."""
        if job_id in self._recorded:
            return
        self._recorded.add(job_id)
        outcome, detail, error = self._endings[job_id]
        self._change(
            job_id,
            outcome=outcome,
            detail=detail,
            error=error,
            ended=self._clock(),
            eta=None,
            status="concluded",
        )

    def _vanished(self, job_id: str) -> None:
        job = self._live.get(job_id)
        if job is None:
            return
        if job.outcome is not None:
            self._retire(job_id)
        elif job_id in self._endings:
            self._finish(job_id, *self._endings[job_id])
        elif job.type == "" and not job.ours:
            # It came and went without a block job's events: a dry run, or no block job at all.
            self._forget(job_id)
        elif self._shutdown is not None:
            self._finish(job_id, Outcome.CANCELLED, f"by {self._shutdown}")
        else:
            self._finish(job_id, Outcome.LOST, "it vanished while nobody was watching")

    def _finish(
        self, job_id: str, outcome: Outcome, detail: str, error: str | None = None
    ) -> None:
        self._change(
            job_id, outcome=outcome, detail=detail, error=error, ended=self._clock(), eta=None
        )
        self._retire(job_id)

    def _retire(self, job_id: str) -> None:
        job = self._live[job_id]
        self._finished.append(replace(job, status="null"))
        self._forget(job_id)

    def _forget(self, job_id: str) -> None:
        self._live.pop(job_id, None)
        self._progress.pop(job_id, None)
        self._endings.pop(job_id, None)
        self._recorded.discard(job_id)
        self._cancelled_by_us.discard(job_id)
