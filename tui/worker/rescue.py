"""Gets a guest going again that a backup has stopped: every step seen to be done."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from tui.qmp.errors import CommandRefused, QmpError
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession
from tui.vm.trouble import RUNNING, STOPPED_BY_ERROR

Tell = Callable[[str], None]

_LOOK_SECONDS = 0.2
_CONFIRM_SECONDS = 2.0
"""How long a guest that runs again is watched: what it could not write it writes at once."""


class RescueFailed(QmpError):
    """The guest does not run; the words tell how far it came and what to do."""


class Rescue:
    """Cancels what stops the guest, or has it go on after room was made.

    Args:
        session: the way to QEMU.
        deadline: seconds for each command.
        patience: seconds for a cancelled job to be over.
        tell: is told each step, in words.
    """

    def __init__(
        self, session: QmpSession, deadline: float, patience: float, tell: Tell = lambda _: None
    ) -> None:
        self._session = session
        self._ask = Queries(session, deadline)
        self._deadline = deadline
        self._patience = patience
        self._tell = tell

    async def cancel_and_go_on(
        self, jobs: Iterable[str], cancel: Callable[[str], Awaitable[None]]
    ) -> None:
        """Cancel the jobs, wait until they are over, let the guest run, and see that it does.

        Args:
            jobs: ids of the backups that stop it.
            cancel: cancels one.

        Raises:
            RescueFailed: a job does not end, or the guest stops again.
            QmpError: QEMU refused, or gave no answer.
        """
        ids = frozenset(jobs)
        for job_id in sorted(ids):
            self._tell(f"cancelling {job_id}")
            try:
                await cancel(job_id)
            except CommandRefused as refusal:
                if refusal.error_class != "DeviceNotActive":
                    raise
        self._tell("waiting until the jobs are over")
        await self._over(ids)
        await self._go_on()

    async def go_on(self, jobs: Iterable[str], resume: Callable[[str], Awaitable[None]]) -> None:
        """Room was made: let the guest run, then those of the backups that an error paused.

        Args:
            jobs: ids of the backups that stop it.
            resume: resumes one.

        Raises:
            RescueFailed: the guest stops again: there is still no room.
            QmpError: QEMU refused, or gave no answer.
        """
        # `cont` has QEMU forget their errors: then they look as if their operator had paused them.
        halted = await self._halted(frozenset(jobs))
        try:
            await self._go_on()
        except RescueFailed:
            # Where there is still no room they halt again, and can be told from those.
            await self._resume(halted, resume)
            raise
        await self._resume(halted, resume)

    async def _resume(self, jobs: Iterable[str], resume: Callable[[str], Awaitable[None]]) -> None:
        for job_id in jobs:
            self._tell(f"resuming {job_id}")
            await resume(job_id)

    async def _halted(self, ids: frozenset[str]) -> list[str]:
        """Those of the jobs that an error paused."""
        jobs = await self._ask.block_jobs()
        return [j.device for j in jobs if j.device in ids and j.paused and j.io_status != "ok"]

    async def _over(self, ids: frozenset[str]) -> None:
        end = time.monotonic() + self._patience
        while True:
            # One that is kept until it is dismissed has let go of the disk.
            left = {job.id for job in await self._ask.jobs() if job.status != "concluded"} & ids
            if not left:
                return
            if time.monotonic() > end:
                named = ", ".join(sorted(left))
                raise RescueFailed(
                    f"{named} did not end within {self._patience:.0f} s; the guest is still "
                    "stopped. Its target does not answer: once it does, try again."
                )
            await asyncio.sleep(_LOOK_SECONDS)

    async def _go_on(self) -> None:
        self._tell("letting the guest run")
        await self._session.execute("cont", timeout=self._deadline)
        end = time.monotonic() + _CONFIRM_SECONDS
        while (left := end - time.monotonic()) > 0:
            state = await self._ask.run_state()
            if state == STOPPED_BY_ERROR:
                raise RescueFailed("the guest ran, and was stopped again by an I/O error")
            await asyncio.sleep(min(_LOOK_SECONDS, left))
        state = await self._ask.run_state()
        if state != RUNNING:
            raise RescueFailed(f"the guest does not run: its state is {state}")
        self._tell("the guest runs")
