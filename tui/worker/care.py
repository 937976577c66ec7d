"""Looks after the backups that run: room for their targets, and ease for the guest."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from tui.host.process import QemuProcess
from tui.qmp.errors import CommandRefused, QmpError
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession
from tui.units import size
from tui.vm.care import JobCare, Wishes
from tui.vm.job import Job
from tui.vm.space import Space
from tui.worker.charge import Charge
from tui.worker.legacy import Legacy
from tui.worker.room import Room
from tui.worker.state import VmState

log = logging.getLogger(__name__)

_URGENT_SECONDS = 15.0
"""So long before it is full a file system is looked at more often."""

_URGENT_PAUSE = 0.2
_URGENT_PATIENCE = 0.5
"""Seconds to wait for a look at it, where a job is to be cancelled in time."""

_PARTING_SECONDS = 0.5
_MOVING = frozenset({"created", "running", "paused", "ready", "standby"})
_STEERED = frozenset({"running", "ready"})


class Care:
    """Carries out the wishes for jobs, from look to look.

    Args:
        state: what is known of the VM; it is told what is seen and done.
        process: the QEMU, where it is on this host.
        cancel: cancels a job, given its id and the reason.
        deadline: seconds for each command.
        legacy: what the BlockDeck before us and the one after us are to know of each other.
    """

    def __init__(
        self,
        state: VmState,
        process: Callable[[], QemuProcess | None],
        cancel: Callable[[str, str], Awaitable[None]],
        deadline: float,
        legacy: Legacy,
    ) -> None:
        self._state = state
        self._cancel = cancel
        self._deadline = deadline
        self._legacy = legacy
        self._room = Room(state, process)
        self._charges: dict[str, Charge] = {}
        self._turn = asyncio.Lock()

    # --- wishes ----------------------------------------------------------------------------------

    def wish(self, job: Job, wishes: Wishes) -> None:
        """Have this done for a job from now on; of one that is not there yet, from its start on.

        What was wished for it before is done no more.
        """
        charge = self._charges.get(job.id)
        if charge is None or job.key == 0 or charge.key not in (0, job.key):
            # An id can have been another job's before.
            charge = self._charges[job.id] = Charge(ceiling=_wanted(job), key=job.key)
        charge.others = False
        charge.wish(wishes)

    def forget(self, job_id: str) -> None:
        """The job did not come to be; one of the same id that runs is seen to on."""
        charge = self._charges.get(job_id)
        if charge is not None and not charge.key:
            del self._charges[job_id]

    def limit_asked(self, job_id: str, limit: int) -> None:
        """The operator set another limit; it is what the speed is steered under."""
        charge = self._charges.get(job_id)
        if charge is not None:
            charge.limit(limit)

    def due_in(self) -> float:
        """Seconds until a look is due that cannot wait for the usual one."""
        for care in self._state.care.values():
            space = care.space
            if not care.wishes.cancel_before_full or space is None or not space.missing:
                continue
            if space.fall is None or (space.full_in or float("inf")) < _URGENT_SECONDS:
                return _URGENT_PAUSE
        return float("inf")

    # --- looks -----------------------------------------------------------------------------------

    async def at_once(self, session: QmpSession) -> None:
        """A job has just been started for which the next look would come too late.

        What goes wrong is left to that look.
        """
        try:
            await self._state.poll_jobs(Queries(session, self._deadline))
            await self.look(session)
        except QmpError as error:
            log.warning("no look at the job that was just started: %s", error)

    async def look(self, session: QmpSession) -> None:
        """See to each job once.

        Raises:
            NotAnswering, ConnectionLost: as `QmpSession.execute`.
        """
        async with self._turn:
            await self._look(session)

    async def _look(self, session: QmpSession) -> None:
        # Without a length nothing else of it was asked either.
        every = self._state.tracker.jobs()
        jobs = [job for job in every if job.live and job.type == "backup" and job.len]
        await self._take_up(jobs)
        guarded = any(charge.wishes.cancel_before_full for charge in self._charges.values())
        await self._room.look(jobs, _URGENT_PATIENCE if guarded else 0.0)
        spaces = self._room.of(jobs)
        for job in jobs:
            await self._steer(session, job, self._charges[job.id], spaces.get(job.target))
        care = {job.key: self._care_of(job, spaces.get(job.target)) for job in jobs}
        if care != self._state.care:
            self._state.care = care
            self._state.changed()
        await self._cancel_in_time(jobs, spaces)
        for job in jobs:
            await self._legacy.keep(job, self._charges[job.id])

    async def _take_up(self, jobs: list[Job]) -> None:
        """Let go of the jobs that are over, and look after those that have come."""
        present = {job.id: job.key for job in jobs}
        for job_id, charge in tuple(self._charges.items()):
            if not charge.key:
                charge.key = present.get(job_id, 0)
            elif present.get(job_id) != charge.key:
                del self._charges[job_id]
                await self._legacy.drop(job_id, charge)
        for job in jobs:
            if job.id not in self._charges:
                self._charges[job.id] = await self._legacy.take_up(job, _wanted(job))
            elif self._charges[job.id].others:
                await self._legacy.take_over(job, self._charges[job.id])

    def _care_of(self, job: Job, space: Space | None) -> JobCare:
        charge = self._charges[job.id]
        return JobCare(
            space=space,
            wishes=charge.wishes,
            steering=charge.easy.words if charge.easy is not None else "",
            held_back=charge.held_back,
            cap=charge.cap,
            # Also in between, while a new cap has not been set yet.
            capped=charge.cap is not None and (charge.easy is None or charge.speed >= charge.cap),
        )

    async def _cancel_in_time(self, jobs: list[Job], spaces: Mapping[str, Space]) -> None:
        """Cancel the newest job that is wished to end before its file system is full."""
        for job in reversed(jobs):
            charge, space = self._charges[job.id], spaces.get(job.target)
            if space is None or charge.cancelled:
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

    # --- speed -----------------------------------------------------------------------------------

    async def _steer(
        self, session: QmpSession, job: Job, charge: Charge, space: Space | None
    ) -> None:
        if job.status not in _MOVING or charge.others:
            return
        charge.heed(job)
        guarded = charge.wishes.cancel_before_full and space is not None
        charge.hold(space.safe_speed if guarded and space is not None else None)
        looked = self._state.io.writes.looked
        easy, steered = charge.easy, job.status in _STEERED and not job.paused
        if easy is not None and steered and looked > charge.looked:
            charge.looked = looked
            easy.look(looked, self._state.io.writes.of(job.device_key or ""), job.pace)
        if charge.speed != job.speed:
            await self._set_speed(session, job, charge, charge.speed)
        elif not charge.held_back:
            # Nothing that we told is left.
            charge.told = ()

    async def _set_speed(self, session: QmpSession, job: Job, charge: Charge, speed: int) -> None:
        charge.told = (job.speed, speed)
        # First on the disk: who is killed in between leaves what the next one finds in QEMU.
        await self._legacy.keep(job, charge)
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
                    job = jobs.get(job_id)
                    if job is None or job.key != charge.key or charge.others:
                        continue
                    if charge.told:
                        await self._set_speed(session, job, charge, charge.ceiling)
                    await self._legacy.leave(job, charge)
        except (TimeoutError, QmpError) as error:
            log.warning("left without giving jobs their speed back: %s", error)


def _wanted(job: Job) -> int:
    """What it is limited to before anybody steers it is what its operator wants."""
    return job.asked if job.asked is not None else job.speed
