"""Looks after the backups that run: room for their targets, and ease for the guest."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tui.host.process import QemuProcess
from tui.host.space import look_at_space
from tui.qmp.aside import aside
from tui.qmp.errors import CommandRefused, QmpError
from tui.qmp.session import QmpSession
from tui.units import size
from tui.vm.care import JobCare, Wishes
from tui.vm.easy import Easy
from tui.vm.snapshot import Job
from tui.vm.space import Look, Space, SpaceTrend
from tui.worker.state import VmState

log = logging.getLogger(__name__)

_URGENT_SECONDS = 15.0
"""So long before it is full a file system is looked at more often."""

_URGENT_PAUSE = 0.25
_PARTING_SECONDS = 0.5
_STEERED = frozenset({"running", "ready"})


@dataclass(slots=True)
class _Charge:
    """A job that something is wanted for; `key` is 0 until it has appeared."""

    wishes: Wishes
    ceiling: int = 0
    key: int = 0
    easy: Easy | None = None
    cancelled: bool = False
    looked: float = field(default_factory=time.monotonic)


class Care:
    """Carries out the wishes for jobs, from look to look.

    Args:
        state: what is known of the VM; it is told what is seen and done.
        process: the QEMU, where it is on this host.
        cancel: cancels a job, given its id and the reason.
        deadline: seconds for each command.
    """

    def __init__(
        self,
        state: VmState,
        process: Callable[[], QemuProcess | None],
        cancel: Callable[[str, str], Awaitable[None]],
        deadline: float,
    ) -> None:
        self._state = state
        self._process = process
        self._cancel = cancel
        self._deadline = deadline
        self._charges: dict[str, _Charge] = {}
        self._trends: dict[str, SpaceTrend] = {}
        self._look: asyncio.Future[dict[str, Look]] | None = None

    # --- wishes ----------------------------------------------------------------------------------

    def wish(self, job: Job, wishes: Wishes) -> None:
        """Have this done for a job from now on; of one that is not there yet, from its start on.

        What was wished for it before is done no more.
        """
        # What it is limited to before anybody steers it is what its operator wants.
        ceiling = job.asked if job.asked is not None else job.speed
        charge = self._charges.get(job.id)
        if charge is None or job.key == 0 or charge.key not in (0, job.key):
            # An id can have been another job's before.
            charge = self._charges[job.id] = _Charge(wishes, ceiling, job.key)
        charge.wishes = wishes
        if wishes.easy is None:
            # Its speed is the operator's again; `look` sets it.
            return
        if charge.easy is None or charge.easy.bound != wishes.easy:
            charge.easy = Easy(wishes.easy, charge.ceiling)

    def forget(self, job_id: str) -> None:
        """The job did not come to be."""
        self._charges.pop(job_id, None)

    def limit_asked(self, job_id: str, limit: int) -> None:
        """The operator set another limit; it is what the speed is steered under."""
        charge = self._charges.get(job_id)
        if charge is not None:
            charge.ceiling = limit
            if charge.easy is not None:
                charge.easy = Easy(charge.easy.bound, limit)

    def due_in(self) -> float:
        """Seconds until a look is due that cannot wait for the usual one."""
        for care in self._state.care.values():
            space = care.space
            full_in = space.full_in if space is not None else None
            if not care.wishes.cancel_before_full or space is None or full_in is None:
                continue
            if space.missing and full_in < _URGENT_SECONDS:
                return _URGENT_PAUSE
        return float("inf")

    # --- looks -----------------------------------------------------------------------------------

    async def look(self, session: QmpSession) -> None:
        """See to each job once.

        Raises:
            NotAnswering, ConnectionLost: as `QmpSession.execute`.
        """
        jobs = [job for job in self._state.tracker.jobs() if job.live and job.type == "backup"]
        self._retire(jobs)
        self._look_at_space(jobs)
        spaces = self._spaces(jobs)
        for job in jobs:
            charge = self._charges.get(job.id)
            if charge is not None and charge.easy is not None:
                await self._steer(session, job, charge)
        care = {job.key: self._care_of(job, spaces.get(job.target)) for job in jobs}
        if care != self._state.care:
            self._state.care = care
            self._state.changed()
        await self._cancel_in_time(jobs, spaces)

    def _retire(self, jobs: list[Job]) -> None:
        present = {job.id: job.key for job in jobs}
        for job_id, charge in list(self._charges.items()):
            if not charge.key:
                charge.key = present.get(job_id, 0)
            elif present.get(job_id) != charge.key:
                del self._charges[job_id]
        targets = {job.target for job in jobs}
        self._trends = {name: seen for name, seen in self._trends.items() if name in targets}

    def _care_of(self, job: Job, space: Space | None) -> JobCare:
        charge = self._charges.get(job.id)
        if charge is None:
            return JobCare(space=space)
        easy = charge.easy
        return JobCare(
            space=space,
            wishes=charge.wishes,
            steering=easy.words if easy is not None else "",
            held_back=easy is not None and easy.holds_back,
        )

    # --- room ------------------------------------------------------------------------------------

    def _look_at_space(self, jobs: list[Job]) -> None:
        """Begin a look, unless one hangs in a dead file system; its answer is for the next time."""
        if self._look is not None and self._look.done():
            if not self._look.cancelled() and self._look.exception() is None:
                for target, seen in self._look.result().items():
                    self._trends.setdefault(target, SpaceTrend()).add(seen)
            self._look = None
        targets = {job.target: self._raw_size(job) for job in jobs if job.target}
        if targets and self._look is None:
            process = self._process()
            self._look = aside(lambda: look_at_space(targets, process), "look at free space")

    def _raw_size(self, job: Job) -> int | None:
        arguments = job.command.get("arguments") if job.command is not None else None
        device = self._state.snapshot.device(job.device_key or "")
        if not isinstance(arguments, Mapping) or device is None or device.medium is None:
            return None
        return device.medium.virtual_size if arguments.get("format") == "raw" else None

    def _spaces(self, jobs: list[Job]) -> dict[str, Space]:
        """The room for each target; jobs on one file system need it together."""
        alone = {job.target: self._space(job.target, job.len - job.offset) for job in jobs}
        needed: dict[int, int] = {}
        for space in alone.values():
            if space is not None:
                needed[space.device] = needed.get(space.device, 0) + (space.to_come or 0)
        return {
            target: Space(
                free=space.free,
                total=space.total,
                fall=space.fall,
                to_come=needed[space.device],
                device=space.device,
            )
            for target, space in alone.items()
            if space is not None
        }

    def _space(self, target: str, left: int) -> Space | None:
        trend = self._trends.get(target)
        return trend.space(left) if trend is not None else None

    async def _cancel_in_time(self, jobs: list[Job], spaces: Mapping[str, Space]) -> None:
        """Cancel the newest job that is wished to end before its file system is full."""
        for job in reversed(jobs):
            charge, space = self._charges.get(job.id), spaces.get(job.target)
            if charge is None or space is None or charge.cancelled:
                continue
            if charge.wishes.cancel_before_full and space.to_be_cancelled:
                why = f"the target's file system was about to be full, {size(space.free)} were free"
                log.warning("cancelling %s: %s", job.id, why)
                try:
                    await self._cancel(job.id, why)
                except CommandRefused as refusal:
                    # It ended by itself.
                    log.info("cancelling %s: %s", job.id, refusal)
                charge.cancelled = True
                return

    # --- ease ------------------------------------------------------------------------------------

    async def _steer(self, session: QmpSession, job: Job, charge: _Charge) -> None:
        easy = charge.easy
        if easy is None:
            return
        if charge.wishes.easy is None:
            await self._set_speed(session, job, charge.ceiling)
            charge.easy = None
            return
        looked = self._state.write_waits.looked
        if looked <= charge.looked or job.status not in _STEERED or job.paused:
            return
        charge.looked = looked
        pace = job.rates[-1] if job.rates else None
        speed = easy.look(looked, self._state.write_waits.of(job.device_key or ""), pace)
        if speed != job.speed:
            await self._set_speed(session, job, speed)

    async def _set_speed(self, session: QmpSession, job: Job, speed: int) -> None:
        arguments = {"device": job.id, "speed": speed}
        try:
            await session.execute("block-job-set-speed", arguments, timeout=self._deadline)
        except CommandRefused as refusal:
            # It has ended meanwhile, or will.
            log.info("the speed of %s: %s", job.id, refusal)

    async def part(self, session: QmpSession) -> None:
        """Nobody steers any more: give each job the speed that its operator asked for."""
        jobs = {job.id: job for job in self._state.tracker.jobs() if job.live}
        try:
            async with asyncio.timeout(_PARTING_SECONDS):
                for job_id, charge in self._charges.items():
                    held = charge.easy is not None and charge.easy.holds_back
                    if held and job_id in jobs:
                        await self._set_speed(session, jobs[job_id], charge.ceiling)
        except (TimeoutError, QmpError) as error:
            log.warning("left without giving jobs their speed back: %s", error)
