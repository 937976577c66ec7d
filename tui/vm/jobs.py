"""From job events and polls to jobs with a truthful outcome.

The tracker is fed in the order QEMU sent things. Success is never assumed: a job of any kind
succeeded only if it concluded without an error and with all of its length done.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tui.qmp.models import BlockJobInfo, JobInfo, QmpEvent
from tui.vm.grouped import WITH_OTHERS, siblings_of, who_cancelled
from tui.vm.job import OUR_JOB_PREFIX, Job, Outcome
from tui.vm.order import Order
from tui.vm.roster import UNSEEN, Ending, Roster
from tui.vm.verbs import BLOCK_JOB_TYPES

_PASSING_LOOKS = 2
"""A job of another type that is gone after so many looks is none to list: `blockdev-create`, and
what comes and goes like it."""


class JobTracker:
    """The jobs of one VM. Feed it events and polls, read `jobs()`.

    Args:
        clock: monotonic seconds.
        wall: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._roster = Roster(clock, wall)
        self._cancelled_by_us: dict[str, str] = {}
        # Who ends the VM, and when that was told.
        self._shutdown: tuple[int, str] | None = None
        self._order = Order()
        # How often a job of another type was seen.
        self._looks: dict[str, int] = {}

    # --- what our own commands tell it -----------------------------------------------------------

    def expect(self, job: Job) -> None:
        """Announce a job of ours before its command is sent: its events precede the reply."""
        self._roster.expect(job)

    def refused(self, job_id: str) -> None:
        """QEMU refused to start an expected job."""
        self._roster.refused(job_id)

    def accepted(self, job_id: str) -> None:
        """QEMU took the command; a job that has not appeared by now must be in the next poll."""
        self._roster.doubt(job_id, self.mark())

    def unsure(self, job_id: str) -> None:
        """Nobody knows whether the command that starts the job was carried out."""
        self._roster.doubt(job_id, self.mark())

    def cancel_requested(self, job_id: str, why: str = "") -> None:
        """Remember that a cancellation is ours, and what for if nobody asked for it just now."""
        self._cancelled_by_us[job_id] = f"by us: {why}" if why else "by us"

    def cancel_refused(self, job_id: str) -> None:
        """Our cancellation came to nothing."""
        self._cancelled_by_us.pop(job_id, None)

    def adopt(self, job_id: str, command: Mapping[str, Any], wall_started: float) -> None:
        """What is known of a job of ours that ran before we looked."""
        self._roster.adopt(job_id, command, wall_started)

    def speed_asked(self, job_id: str, speed: int) -> None:
        """QEMU took our limit, in bytes a second."""
        self._roster.change(job_id, asked=speed)

    def clear_finished(self) -> None:
        """Forget the ended jobs that QEMU has forgotten, too."""
        self._roster.clear_finished()

    def written(self, key: int) -> None:
        """The outcome of the job with this key is on record."""
        self._roster.written(key)

    # --- what QEMU tells it ----------------------------------------------------------------------

    def mark(self) -> int:
        """The present place in the order of things told; to be taken before a poll is sent."""
        return self._order.mark()

    def on_event(self, event: QmpEvent) -> bool:
        """Take in one event; returns whether it may have changed what is known of a job."""
        data = event.data
        match event.event:
            case "JOB_STATUS_CHANGE" if isinstance(data.get("id"), str):
                self._on_status(data["id"], str(data.get("status", "")))
            case "BLOCK_JOB_COMPLETED" | "BLOCK_JOB_CANCELLED" if isinstance(
                data.get("device"), str
            ):
                self._on_ending(event.event, data)
            case "BLOCK_JOB_ERROR" if data.get("action") == "stop":
                job_id = str(data.get("device", ""))
                self._order.touch(job_id)
                self._roster.change(job_id, paused=True)
            case "SHUTDOWN":
                who = "by guest shutdown" if data.get("guest") else "by QEMU quit"
                self._shutdown = (self.mark(), who)
                return False
            case "STOP":
                # Under -no-shutdown the VM stops instead; a QEMU that ends does not say STOP.
                self._shutdown = None
                return False
            case _:
                return False
        return True

    def on_poll(
        self, jobs: Iterable[JobInfo], block_jobs: Iterable[BlockJobInfo], since: int | None = None
    ) -> None:
        """Take in the replies of `query-jobs` and, asked for after it, `query-block-jobs`.

        Args:
            jobs: all jobs there are.
            block_jobs: more about some of them.
            since: the mark of before the questions were sent; None if no event can have overtaken.
        """
        since = self.mark() if since is None else since
        details = {info.device: info for info in block_jobs}
        present = set()
        for info in jobs:
            present.add(info.id)
            self._on_job_info(info, details.get(info.id), since)
        for job_id in self._roster:
            if job_id not in present and not self._order.is_touched(job_id, since):
                self._roster.vanish(job_id)
        self._looks = {id_: times for id_, times in self._looks.items() if id_ in present}
        self._roster.end_doubts(since)
        self._order.keep(set(self._roster))
        ours = self._cancelled_by_us
        self._cancelled_by_us = {id_: who for id_, who in ours.items() if id_ in self._roster}
        if self._shutdown is not None and self._shutdown[0] < since:
            # It still answers.
            self._shutdown = None

    def on_qemu_gone(self, reason: str) -> None:
        """QEMU has ended or another one answers: what still ran is lost."""
        self._roster.close(reason)
        self._cancelled_by_us.clear()
        self._order.clear()
        self._looks.clear()
        self._shutdown = None

    # --- what it tells ---------------------------------------------------------------------------

    def jobs(self) -> tuple[Job, ...]:
        """All jobs, the ended ones first, each group in the order of time."""
        return self._roster.listed()

    @property
    def busy(self) -> bool:
        """Whether QEMU may be working on any job, or be about to."""
        return self._roster.busy

    def unwritten(self) -> tuple[Job, ...]:
        """Jobs with an outcome that is to be on record and is not yet."""
        return self._roster.unwritten()

    def to_dismiss(self) -> tuple[str, ...]:
        """Ids of our concluded jobs that QEMU still holds and whose outcome is on record."""
        return self._roster.to_dismiss()

    def to_release(self) -> tuple[Job, ...]:
        """Our jobs that are over and whose target is still open."""
        return self._roster.to_release()

    def released(self, job_id: str, problem: str | None) -> None:
        """The target of a job is closed; or it cannot be, for this reason."""
        self._roster.released(job_id, problem)

    def know_nodes(self, names: frozenset[str] | None) -> None:
        """The nodes there are, among them those of an earlier BlockDeck; None: not known yet."""
        self._roster.know_nodes(names)

    def locate(
        self, job_devices: Mapping[str, tuple[str, str]], job_targets: Mapping[str, str]
    ) -> None:
        """Tell which disk a job works on and where it writes to.

        Args:
            job_devices: job id to (device key, title).
            job_targets: job id to the target's file.
        """
        for job_id, (key, title) in job_devices.items():
            job = self._roster.get(job_id)
            if job is not None and job.device_key is None:
                self._roster.change(job_id, device_key=key, device=title)
        for job_id, target in job_targets.items():
            job = self._roster.get(job_id)
            if job is not None and not job.target:
                self._roster.change(job_id, target=target)

    # --- inside: events --------------------------------------------------------------------------

    def _on_status(self, job_id: str, status: str) -> None:
        roster = self._roster
        if job_id in roster and status in ("null", "created"):
            # `created` for a job that is there already: the end of the former went unseen.
            roster.vanish(job_id)
            self._cancelled_by_us.pop(job_id, None)
            self._order.touch(job_id)
            self._looks.pop(job_id, None)
        if status == "created" and job_id in roster:
            roster.released(job_id, "its job id is used again")
        if status == "null":
            self._order.gone(job_id)
            return
        if job_id not in roster:
            roster.appear(job_id, just_created=status == "created")
        self._order.touch(job_id)
        if not roster[job_id].live:
            return
        roster.change(job_id, status=status)
        if status == "running":
            roster.change(job_id, paused=False)
        if status == "concluded" and roster.has_ending(job_id):
            roster.conclude(job_id)

    def _on_ending(self, name: str, data: Mapping[str, Any]) -> None:
        job_id, roster = data["device"], self._roster
        if job_id not in roster:
            roster.appear(job_id)
        self._order.touch(job_id)
        if roster.has_ending(job_id):
            return
        offset, length = _number(data, "offset"), _number(data, "len")
        kind, speed = str(data.get("type") or "unknown"), _number(data, "speed")
        roster.change(job_id, type=kind, offset=offset, len=length, speed=speed)
        if name == "BLOCK_JOB_CANCELLED":
            who = self._who_cancelled(job_id)
            roster.will_end(job_id, (Outcome.CANCELLED, who, None))
        else:
            ending = _ending(data.get("error"), data.get("offset"), data.get("len"))
            roster.will_end(job_id, ending)
        self._explain_siblings(job_id)

    def _who_cancelled(self, job_id: str, by_others: str = "by another client") -> str:
        shutdown = self._shutdown[1] if self._shutdown else ""
        return who_cancelled(job_id, self._roster, self._cancelled_by_us, shutdown, by_others)

    def _explain_siblings(self, job_id: str) -> None:
        """QEMU may tell of those that had to end before it tells of the one that failed."""
        for sibling in siblings_of(self._roster.get(job_id)):
            ending = self._roster.ending(sibling)
            if ending is not None and ending[1] == WITH_OTHERS:
                self._roster.explain(sibling, self._who_cancelled(sibling))

    # --- inside: polls ---------------------------------------------------------------------------

    def _on_job_info(self, info: JobInfo, detail: BlockJobInfo | None, since: int) -> None:
        roster, current = self._roster, not self._order.is_touched(info.id, since)
        job = roster.get(info.id)
        if job is not None and not job.live:
            if not current or info.status == "concluded":
                return
            # The id is used again: that the former was dismissed went unseen.
            roster.vanish(info.id)
            job = None
        found_so = False
        if job is None:
            if self._order.is_gone(info.id, since):
                return
            job = roster.appear(info.id)
            found_so = info.status == "concluded"
        if not job.type and self._is_passing(info):
            return
        roster.change(info.id, type=info.type)
        if not roster.has_ending(info.id):
            # How far it came at its end, the event of that has told.
            self._take_progress(info, detail)
        if current:
            paused = detail is not None and detail.paused
            roster.change(info.id, status=info.status, paused=paused)
            if info.status == "concluded":
                self._concluded_in_poll(info, found_so=found_so)

    def _is_passing(self, info: JobInfo) -> bool:
        """Whether a job that is not listed yet may be one that comes and goes; it has no type."""
        if info.id.startswith(OUR_JOB_PREFIX) or info.type in BLOCK_JOB_TYPES:
            return False
        self._looks[info.id] = self._looks.get(info.id, 0) + 1
        return self._looks[info.id] <= _PASSING_LOOKS

    def _take_progress(self, info: JobInfo, detail: BlockJobInfo | None) -> None:
        if detail is not None:
            self._roster.change(
                info.id,
                speed=detail.speed,
                io_status=detail.io_status,
                auto_finalize=detail.auto_finalize,
                auto_dismiss=detail.auto_dismiss,
            )
        moves = info.status == "running" and not (detail is not None and detail.paused)
        self._roster.advance(info.id, info.current_progress, info.total_progress, moves=moves)

    def _concluded_in_poll(self, info: JobInfo, *, found_so: bool) -> None:
        """A concluded job found by a poll: its events may have been sent to nobody."""
        if info.error == "Operation canceled":
            who = self._who_cancelled(info.id, UNSEEN)
            self._roster.will_end(info.id, (Outcome.CANCELLED, who, None))
        else:
            ending = _ending(info.error, info.current_progress, info.total_progress)
            self._roster.will_end(info.id, ending)
        self._roster.conclude(info.id, found_so=found_so)
        self._explain_siblings(info.id)


def _number(data: Mapping[str, Any], key: str) -> int:
    value = data.get(key)
    return value if isinstance(value, int) else 0


def _ending(error: object, offset: object, length: object) -> Ending:
    """How a job that was not cancelled ended."""
    if error:
        return Outcome.FAILED, str(error), str(error)
    if not isinstance(offset, int) or offset != length:
        return Outcome.FAILED, f"stopped after {offset} of {length} bytes", None
    return Outcome.SUCCEEDED, "", None
