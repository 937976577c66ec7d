"""Which jobs there are: announced, running, ended. It knows nothing of how QEMU tells it."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tui.vm.announced import Announced
from tui.vm.job import OUR_JOB_PREFIX, Job, Outcome
from tui.vm.progress import Progress
from tui.vm.target_nodes import all_nodes

FINISHED_KEPT = 500
"""How many ended jobs are held; beyond that the oldest go."""

UNSEEN = "while nobody was watching"
_VANISHED = f"it vanished {UNSEEN}"

Ending = tuple[Outcome, str, str | None]
"""An outcome, the words that explain it, and QEMU's error."""


class Roster:
    """The jobs of one VM, each of which ends exactly once.

    Args:
        clock: monotonic seconds.
        wall: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._clock = clock
        self._wall = wall
        self._serial = 0
        self._live: dict[str, Job] = {}
        self._progress: dict[str, Progress] = {}
        self._endings: dict[str, Ending] = {}
        self._finished: deque[Job] = deque(maxlen=FINISHED_KEPT)
        self._unwritten: dict[int, Job] = {}
        # Jobs that QEMU has no more, but for the nodes of their target.
        self._gone: set[str] = set()
        self._nodes: frozenset[str] | None = frozenset()
        self._announced = Announced()

    # --- reading ---------------------------------------------------------------------------------

    def __contains__(self, job_id: str) -> bool:
        """Whether QEMU has this job, as far as is known."""
        return job_id in self._live

    def __iter__(self) -> Iterator[str]:
        """The ids of the jobs that QEMU has."""
        return iter(tuple(self._live))

    def __getitem__(self, job_id: str) -> Job:
        return self._live[job_id]

    def get(self, job_id: str) -> Job | None:
        """The job that QEMU has under that id."""
        return self._live.get(job_id)

    def listed(self) -> tuple[Job, ...]:
        """All jobs worth listing, the ended ones first, each group in the order of time.

        One that events alone have told of is left out until it is known to be a block job: a dry
        run and the jobs of `blockdev-create` come and go like it.
        """
        return (*self._finished, *(job for job in self._live.values() if job.type))

    @property
    def busy(self) -> bool:
        """Whether QEMU may be working on any job, or be about to."""
        return bool(self._announced) or any(job.live for job in self._live.values())

    def unwritten(self) -> tuple[Job, ...]:
        """Jobs with an outcome that is to be on record and is not yet."""
        return tuple(self._unwritten.values())

    def to_dismiss(self) -> tuple[str, ...]:
        """Ids of our concluded jobs that QEMU still holds and whose outcome is on record."""
        return tuple(
            job.id
            for job in self._live.values()
            if job.ours
            and not job.live
            and job.key not in self._unwritten
            and job.id not in self._gone
        )

    def to_release(self) -> tuple[Job, ...]:
        """Our jobs that are over and whose target is still open."""
        return tuple(
            job
            for job in self._live.values()
            if job.target_open and (job.id in self._gone or job.status == "concluded")
        )

    def has_ending(self, job_id: str) -> bool:
        """Whether it is known how the job ends, though QEMU still works on the end."""
        return job_id in self._endings

    def ending(self, job_id: str) -> Ending | None:
        """How a job ends, where that is known."""
        return self._endings.get(job_id)

    # --- the start of our own --------------------------------------------------------------------

    def expect(self, job: Job) -> None:
        """Announce a job of ours before its command is sent: its events precede the reply."""
        self._announced.expect(job)

    def refused(self, job_id: str) -> None:
        """QEMU refused to start an expected job; it may have been created and undone already."""
        key, job = self._announced.refused(job_id), self._live.get(job_id)
        if job is not None and job.key == key and job_id not in self._endings:
            self.forget(job_id)

    def doubt(self, job_id: str, mark: int) -> None:
        """Whether an expected job came to be, a poll that is sent after `mark` must tell."""
        self._announced.doubt(job_id, mark)

    def end_doubts(self, since: int) -> None:
        """A poll that was sent at `since` has been taken in: what is not there will not come."""
        self._announced.end_doubts(since)

    # --- coming and going ------------------------------------------------------------------------

    def appear(self, job_id: str, *, just_created: bool = False) -> Job:
        """QEMU has a job that it did not have before."""
        self._serial += 1
        expected = self._announced.appeared(job_id, self._serial)
        # The start of a job that ran before we looked is not known.
        known = expected is not None or just_created
        job = replace(
            expected or self._of_unknown_origin(job_id),
            key=self._serial,
            started=self._clock() if known else None,
            wall_started=self._wall() if known else None,
        )
        self._live[job_id] = job
        return job

    def _of_unknown_origin(self, job_id: str) -> Job:
        """A job that was not announced; one of ours may have been left by an earlier BlockDeck."""
        ours = job_id.startswith(OUR_JOB_PREFIX)
        nodes = all_nodes(job_id) if ours else ()
        left = nodes if self._nodes is None else tuple(n for n in nodes if n in self._nodes)
        return Job(id=job_id, type="", ours=ours, target_open=bool(left), target_nodes=left)

    def adopt(self, job_id: str, command: Mapping[str, Any], wall_started: float) -> None:
        """What started a job that was there before, and when (seconds since the epoch)."""
        job = self._live.get(job_id)
        if job is None or job.command is not None:
            return
        # When one ended that had ended already is not known, and so not how long it took.
        started = self._clock() - max(0.0, self._wall() - wall_started) if job.live else None
        self.change(job_id, command=command, wall_started=wall_started, started=started)
        if job.key in self._unwritten:
            self._unwritten[job.key] = self._live[job_id]

    def know_nodes(self, names: frozenset[str] | None) -> None:
        """The nodes there are: among them may be those made for a job's target.

        While they are not known, a job of ours that is found is presumed to have its own.
        """
        presumed, self._nodes = self._nodes is None, names
        if not presumed or names is None:
            return
        for job_id in self:
            nodes = self._live[job_id].target_nodes
            left = tuple(node for node in nodes if node in names)
            if left:
                self.change(job_id, target_nodes=left)
            elif nodes:
                self.released(job_id, None)

    def change(self, job_id: str, **changes: Any) -> None:
        """Something is different about a job that QEMU has; of others nothing is known."""
        job = self._live.get(job_id)
        # A poll tells much that is known already.
        if job is not None and any(getattr(job, name) != new for name, new in changes.items()):
            self._live[job_id] = replace(job, **changes)

    def advance(self, job_id: str, offset: int, length: int, *, moves: bool) -> None:
        """How far a job is; `moves` says that it is copying and not halted."""
        now = self._clock()
        progress = self._progress.setdefault(job_id, Progress())
        progress.add(now, offset)
        job = self._live[job_id]
        if offset != job.offset or not moves or job.moved is None:
            self.change(job_id, moved=now)
        rate, left = progress.rate(), length - offset
        eta = left / rate if rate and left > 0 and moves else None
        self.change(job_id, offset=offset, len=length, rate=rate, eta=eta, **progress.history())

    def will_end(self, job_id: str, ending: Ending) -> None:
        """How a job ends; what was known of that first is kept."""
        self._endings.setdefault(job_id, ending)

    def explain(self, job_id: str, detail: str) -> None:
        """Why a job ends as it does has come to be known, perhaps in time for its report."""
        job, (outcome, _, error) = self._live[job_id], self._endings[job_id]
        if not job.live and job.ours and job.key not in self._unwritten:
            # It is on record.
            return
        self._endings[job_id] = (outcome, detail, error)
        if not job.live:
            self.change(job_id, detail=detail)
        if job.key in self._unwritten:
            self._unwritten[job.key] = self._live[job_id]

    def conclude(self, job_id: str, *, found_so: bool = False) -> None:
        """The outcome is certain while QEMU still holds the job: show it, have it written down.

        As long as its target is open, success waits: not all may be on the disk. Of another
        client's jobs the backups are written down that were watched to their end: not one that was
        over when it was found.
        """
        outcome, detail, error = self._endings[job_id]
        if outcome is Outcome.SUCCEEDED and self._live[job_id].target_open:
            return
        self.change(
            job_id,
            outcome=outcome,
            detail=detail,
            error=error,
            ended=self._clock(),
            eta=None,
            paused=False,
        )
        job = self._live[job_id]
        watched = job.type == "backup" and not found_so and outcome is not Outcome.LOST
        if job.ours or watched:
            self._unwritten[job.key] = job

    def released(self, job_id: str, problem: str | None) -> None:
        """The target of a job is closed, or cannot be."""
        self.change(job_id, target_open=False, target_nodes=())
        ending = self._endings.get(job_id)
        if problem is not None and ending is not None and ending[0] is Outcome.SUCCEEDED:
            words = f"all of it was copied, but the target is not closed: {problem}"
            self._endings[job_id] = (Outcome.FAILED, words, problem)
        if ending is not None and self._live[job_id].live:
            self.conclude(job_id)
        if job_id in self._gone:
            self._gone.discard(job_id)
            self._retire(job_id)

    def vanish(self, job_id: str, reason: str = _VANISHED) -> None:
        """QEMU has the job no more."""
        if job_id in self._gone:
            return
        job = self._live[job_id]
        if job.live and job_id not in self._endings:
            if self._announced.is_unanswered(job):
                # Created and undone before QEMU's answer to the command: a refusal is to come.
                self._announced.expect(job)
                self.forget(job_id)
                return
            if not job.type:
                # It came and went without a block job's events: a dry run, or no block job at all.
                self.forget(job_id)
                return
            if job.status == "concluded" and reason == _VANISHED:
                reason = "another client dismissed it before it told how it had ended"
            self._endings[job_id] = (Outcome.LOST, reason, None)
        if job.live:
            # A job that dismisses itself says that it is concluded right before.
            if self._endings[job_id][0] is Outcome.SUCCEEDED and job.status != "concluded":
                words = "it completed, but nobody saw it conclude"
                self._endings[job_id] = (Outcome.LOST, words, None)
            self.conclude(job_id)
        if job.target_open:
            self._gone.add(job_id)
        else:
            self._retire(job_id)

    def _retire(self, job_id: str) -> None:
        self._finished.append(replace(self._live[job_id], status="null"))
        self.forget(job_id)

    def forget(self, job_id: str) -> None:
        """Have nothing to do with a job any more."""
        for record in (self._live, self._progress, self._endings):
            record.pop(job_id, None)

    def clear_finished(self) -> None:
        """Forget the ended jobs that QEMU has forgotten, too."""
        self._finished.clear()

    def written(self, key: int) -> None:
        """The outcome of the job with this key is on record."""
        self._unwritten.pop(key, None)

    def close(self, reason: str) -> None:
        """QEMU is gone: nothing of ours can start, and all that it had has vanished."""
        self._announced.clear()
        self._gone.clear()
        for job_id in self:
            if self._live[job_id].target_open:
                # Closed by nobody: what was copied last may never have reached the disk.
                self.change(job_id, target_open=False, target_nodes=())
                ending = self._endings.get(job_id)
                if ending is not None and ending[0] is Outcome.SUCCEEDED:
                    words = f"{reason} before the target was closed"
                    self._endings[job_id] = (Outcome.LOST, words, None)
            self.vanish(job_id, reason)
