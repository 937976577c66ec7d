"""Whatever is told in whatever order, the tracker holds to its promises."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.vm.feed import Feed, info, ours
from tui.vm.job import Outcome

IDS = st.sampled_from(["a", "blockdeck-b", ""])
BUSY = st.sampled_from(["running", "paused", "ready", "standby", "waiting", "pending", "aborting"])
STATUSES = st.sampled_from(["created", "concluded", "null", "odd"]) | BUSY
SIZES = st.sampled_from([0, 1, 2])
ERRORS = st.sampled_from([None, "Input/output error", "Operation canceled"])
TYPES = st.sampled_from(["backup", "mirror", "create"])
JUNK = st.dictionaries(
    st.sampled_from(["id", "device", "status", "len", "offset", "error", "type", "guest"]),
    st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=1),
)
INFOS = st.lists(
    st.builds(info, IDS, STATUSES, SIZES, SIZES, error=ERRORS, type_=TYPES),
    max_size=2,
    unique_by=lambda job: job.id,
)


class AnyOrder(RuleBasedStateMachine):
    """Events, polls and commands in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.feed = Feed()
        self.mark = 0
        self.ended: dict[int, Outcome] = {}
        self.appeared: set[int] = set()
        self.started_here: set[int] = set()
        self.full_and_faultless: set[str] = set()
        self.concluded: set[str] = set()

    @rule(job_id=IDS, status=STATUSES)
    def status_changes(self, job_id: str, status: str) -> None:
        self.feed.statuses(job_id, status)
        if status == "concluded":
            self.concluded.add(job_id)

    @rule(job_id=IDS, offset=SIZES, length=SIZES, error=ERRORS)
    def completes(self, job_id: str, offset: int, length: int, error: str | None) -> None:
        if offset == length and not error:
            self.full_and_faultless.add(job_id)
        self.feed.completed(job_id, offset, length, error=error)

    @rule(job_id=IDS)
    def is_cancelled(self, job_id: str) -> None:
        self.feed.cancelled(job_id)

    @rule(name=st.sampled_from(["SHUTDOWN", "STOP", "BLOCK_JOB_ERROR", "BLOCK_JOB_COMPLETED"]))
    def something_happens(self, name: str) -> None:
        self.feed.event(name, action="stop", device="a")

    @rule(
        name=st.sampled_from(["JOB_STATUS_CHANGE", "BLOCK_JOB_COMPLETED", "BLOCK_JOB_CANCELLED"]),
        data=JUNK,
    )
    def nonsense_is_told(self, name: str, data: dict[str, Any]) -> None:
        self.feed.event(name, **data)
        if isinstance(data.get("len"), int) and data.get("len") == data.get("offset"):
            self.full_and_faultless.add(str(data.get("device", "")))
        if data.get("status") == "concluded":
            self.concluded.add(str(data.get("id", "")))

    @rule()
    def a_poll_is_sent(self) -> None:
        self.mark = self.feed.tracker.mark()

    @rule(jobs=INFOS, paused=st.booleans())
    def a_poll_is_answered(self, jobs: list[Any], paused: bool) -> None:
        for job in jobs:
            if job.status == "concluded":
                self.concluded.add(job.id)
            if job.current_progress == job.total_progress and not job.error:
                self.full_and_faultless.add(job.id)
        self.feed.poll(*jobs, since=self.mark, paused=paused)

    @rule(job_id=IDS)
    def we_start(self, job_id: str) -> None:
        self.feed.tracker.expect(ours(job_id))

    @rule(job_id=IDS, how=st.sampled_from(["accepted", "refused", "unsure", "cancel_requested"]))
    def we_are_answered(self, job_id: str, how: str) -> None:
        getattr(self.feed.tracker, how)(job_id)

    @rule()
    def qemu_is_gone(self) -> None:
        self.feed.tracker.on_qemu_gone("QEMU ended")
        assert not self.feed.tracker.busy

    @invariant()
    def every_job_ends_once_and_success_is_earned(self) -> None:
        jobs = self.feed.tracker.jobs()
        keys = [job.key for job in jobs]
        assert len(keys) == len(set(keys))
        self.appeared.update(keys)
        self.started_here.update(job.key for job in jobs if job.command is not None)
        # What has been listed stays listed, but for a start of ours that QEMU undid and refused.
        assert self.appeared - set(keys) <= self.started_here - set(self.ended)
        for job in jobs:
            if job.key in self.ended:
                assert job.outcome is self.ended[job.key]
            elif job.outcome is not None:
                self.ended[job.key] = job.outcome
            if job.outcome is Outcome.SUCCEEDED:
                assert job.id in self.full_and_faultless & self.concluded
                assert (job.offset, job.error) == (job.len, None)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
