"""A worker does with one VM what its operator wants: intents become commands.

To see a VM takes little of what can be done with it. All the rest is imported when it is first
used: where a part of the worker is made, or where a function begins.
"""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from tui.qmp.errors import CommandRefused
from tui.vm.care import Wishes
from tui.vm.snapshot import VmSnapshot
from tui.vm.trouble import Trouble
from tui.vm.verbs import Act, Verb
from tui.worker.backups import Backups

if TYPE_CHECKING:
    from tui.vm.bitmap_acts import BitmapAct
    from tui.vm.leftover import Leftover
    from tui.worker.rescue import Rescue, Tell


class VmWorker(Backups, AbstractAsyncContextManager["VmWorker"]):
    """Everything BlockDeck does with one VM.

    Args:
        address: the QMP monitor.
        settings: as those of `Connected`.
    """

    @property
    def leftovers(self) -> "tuple[Leftover, ...]":
        """What nobody uses, in the order in which it can be cleaned up, as `examine` found it."""
        return self._doctor.find()

    async def examine(self) -> VmSnapshot:
        """Ask QEMU for everything again, and look for what tells its leftovers.

        Raises:
            QmpError: as `refresh`.
        """
        vm = await self.refresh()
        await self._doctor.look(vm)
        return vm

    async def cancel(self, job_id: str) -> None:
        """Cancel a job for good, also one that is paused.

        Raises:
            QmpError: QEMU refused (`DeviceNotActive`: no such job), or gave no answer.
        """
        await self.act(job_id, Act(Verb.CANCEL))

    async def cancel_all(self, job_ids: Iterable[str]) -> None:
        """Cancel jobs for good; one that has ended, perhaps with another of them, is no error.

        Raises:
            QmpError: QEMU refused, or gave no answer.
        """
        for job_id in job_ids:
            job = self.snapshot.job(job_id)
            if job is None or not job.live:
                continue
            try:
                await self.cancel(job_id)
            except CommandRefused as refusal:
                if refusal.error_class != "DeviceNotActive":
                    raise

    async def act(self, job_id: str, act: Act) -> None:
        """Do something to a job: `tui.vm.verbs` tells what can be done in which state.

        Raises:
            CommandRefused: QEMU said no (`DeviceNotActive`: no such job).
            NotAnswering: the deadline passed.
            ConnectionLost: the line was lost before the answer.
        """
        session = self._connected()
        schema = await self._schema(session)
        try:
            await self._acts.do(session, schema, job_id, act)
            if act.verb is Verb.SET_SPEED:
                self._care.limit_asked(job_id, act.speed)
        finally:
            self._look_again()

    def wish(self, job_id: str, wishes: Wishes) -> None:
        """Have this done for a job that runs, in place of what was wished for it before.

        Raises:
            ReadOnly: nothing may be done for it.
        """
        self._gate.check("block-job-set-speed")
        job = self.snapshot.job(job_id)
        if job is not None and job.live:
            self._care.wish(job, wishes)
            self._look_again()

    async def rescue(self, trouble: Trouble, tell: "Tell") -> None:
        """Cancel the backups that stop the guest, let it run, and see that it does.

        Raises:
            RescueFailed: it does not run; the words tell how far it came.
            QmpError: QEMU refused, or gave no answer.
        """
        try:
            jobs = [job.id for job in trouble.jobs]
            await self._rescue(tell).cancel_and_go_on(jobs, self.cancel)
        finally:
            self._look_again()

    async def go_on(self, trouble: Trouble, tell: "Tell") -> None:
        """Let the guest run after room was made, and the backups that are paused by the error.

        Raises:
            RescueFailed: the guest stops again.
            QmpError: QEMU refused, or gave no answer.
        """

        async def resume(job_id: str) -> None:
            await self.act(job_id, Act(Verb.RESUME))

        try:
            jobs = [job.id for job in trouble.jobs]
            await self._rescue(tell).go_on(jobs, resume)
        finally:
            self._look_again()

    def _rescue(self, tell: "Tell") -> "Rescue":
        from tui.worker.rescue import Rescue

        return Rescue(self._connected(), self._pace.command, self._pace.create, tell)

    async def clean(self, leftover: "Leftover") -> bool:
        """Clean one leftover up, if it still is one; tells whether anything had to be done.

        Raises:
            NotCleaned: it cannot be cleaned up, is in use now, or is still there.
            QmpError: QEMU refused, or gave no answer.
        """
        session = self._connected()
        if leftover.remedy is not None:
            self._gate.check(leftover.remedy.command)
        try:
            return await self._doctor.clean(session, leftover, self.examine)
        finally:
            self._look_again()

    async def change_bitmap(self, act: "BitmapAct") -> None:
        """Add, clear, enable, disable, merge or remove a dirty bitmap.

        Raises:
            BitmapNotChanged: it cannot be done as things are now; nothing was sent.
            QmpError: QEMU refused, or gave no answer.
        """
        from tui.vm.bitmap_acts import command_for

        self._gate.check(command_for(act)[0])
        try:
            await self._bitmaps.do(self._connected(), act, self.refresh)
        finally:
            self._look_again()

    def clear_finished(self) -> None:
        """Forget the jobs that have ended, but for those that QEMU still holds."""
        self._state.tracker.clear_finished()
        self._state.changed()
