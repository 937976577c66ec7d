"""A worker does with one VM what its operator wants: intents become commands.

To see a VM takes little of what can be done with it. All the rest is imported when it is first
used: where a part of the worker is made, or where a function begins.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Unpack

from tui.backup.arguments import DRIVE_BACKUP, Json
from tui.backup.target_io import TargetIo
from tui.backup.way import Way
from tui.qmp.address import MonitorAddress
from tui.qmp.errors import CommandRefused
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession
from tui.vm.care import Wishes
from tui.vm.snapshot import VmSnapshot
from tui.vm.trouble import Trouble
from tui.vm.verbs import Act, Verb
from tui.worker.connected import Connected, WorkerSettings
from tui.worker.disk import Disk

if TYPE_CHECKING:
    from tui.backup.plan import Plan
    from tui.backup.target import TargetFacts
    from tui.backup.verdict import Verdict
    from tui.vm.bitmap_acts import BitmapAct
    from tui.vm.leftover import Leftover
    from tui.worker.bitmaps import BitmapActs
    from tui.worker.chains import Chains
    from tui.worker.doctor import Doctor
    from tui.worker.freezing import Freezing
    from tui.worker.lost_chains import LostChains
    from tui.worker.rescue import Rescue, Tell
    from tui.worker.serving import Serving
    from tui.worker.sight import Sight
    from tui.worker.starting import Starter


class VmWorker(Connected, AbstractAsyncContextManager["VmWorker"]):
    """Everything BlockDeck does with one VM.

    Args:
        address: the QMP monitor.
        settings: as those of `Connected`.
    """

    def __init__(self, address: MonitorAddress, **settings: Unpack[WorkerSettings]) -> None:
        super().__init__(address, **settings)
        self._history = settings.get("history")

    # --- its parts -------------------------------------------------------------------------------

    @cached_property
    def freezing(self) -> "Freezing":
        """Freezes the guest by its agent, for the length of a block."""
        from tui.worker.freezing import Freezing

        return Freezing(self._state, self._gate, lambda: self.process, self._ask_run_state)

    @cached_property
    def chains(self) -> "Chains":
        """Makes points of chains of its disks."""
        from tui.worker.chains import Chains

        return Chains(
            self._state,
            self._nodes,
            self._starter,
            self._lost_chains,
            self._subscribers,
            self._connected,
            self.refresh,
            self._is_local,
            self._pace.command,
            self._history,
        )

    @cached_property
    def serving(self) -> "Serving":
        """Serves its disks to this host for a comparison."""
        from tui.worker.serving import Serving

        return Serving(
            self._gate,
            lambda: self.process,
            self._is_local,
            self._connected,
            self.refresh,
            self._pace.command,
        )

    @cached_property
    def _doctor(self) -> "Doctor":
        from tui.worker.doctor import Doctor

        return Doctor(
            self._state, self._nodes, self._fleeces, self._lost_chains, self._referee, self._pace
        )

    @cached_property
    def _lost_chains(self) -> "LostChains":
        from tui.worker.lost_chains import LostChains

        places = self._history.chains if self._history is not None else None
        return LostChains(Disk(places, self._identity, self._pace.writing))

    @cached_property
    def _starter(self) -> "Starter":
        from tui.worker.starting import Starter

        return Starter(self._state, self._nodes, self._requests, self._pace.command)

    @cached_property
    def _sight(self) -> "Sight":
        from tui.worker.sight import Sight

        return Sight(self._pace.target)

    @cached_property
    def _bitmaps(self) -> "BitmapActs":
        from tui.worker.bitmaps import BitmapActs

        return BitmapActs(self._referee, self._pace.command)

    # --- what it does ----------------------------------------------------------------------------

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

    def _is_local(self) -> bool:
        """Whether QEMU sees the files that are seen here."""
        return self.process is not None and self.process.same_mount_namespace is not False

    async def judge(
        self,
        arguments: Mapping[str, Json],
        *,
        command: str = DRIVE_BACKUP,
        way: Way = Way.DRIVE,
        fleece: str = "",
        target_io: TargetIo = TargetIo.WRITEBACK,
        fresh: bool = False,
    ) -> "Verdict":
        """Judge arguments against the VM as it is; `fresh` asks QEMU again first.

        The arguments are those of the command, whatever the way in which it is carried out.
        `fleece` is the directory that saves what the guest overwrites, if any, and `target_io` how
        a target that is a node is written to.

        Raises:
            QmpError: there is no connection, or the fresh look failed.
        """
        from tui.backup.judge import judge

        session = self._connected()
        if fresh:
            await self.refresh()
        schema = await self._schema(session)
        of_file = command == DRIVE_BACKUP
        facts = await self.look_at(arguments.get("target")) if of_file else None
        saved_to = await self._look_at_fleece(fleece, arguments)
        return judge(
            arguments,
            self.snapshot,
            schema,
            facts,
            command=command,
            way=way,
            fleece=saved_to,
            target_io=target_io,
        )

    async def look_at(self, target: object) -> "TargetFacts | None":
        """What can be seen of a backup target; None where it is no path or nothing can be seen."""
        return await self._sight.look(target, self.process, self._state.filenames)

    async def _look_at_fleece(
        self, directory: str, arguments: Mapping[str, Json]
    ) -> "TargetFacts | None":
        """What can be seen of the image that a backup would fleece to; None where it would not."""
        if not directory:
            return None
        from tui.backup.fleece import fleece_path
        from tui.backup.target import TargetFacts

        path = fleece_path(directory, self._state.job_to_be(arguments).id)
        return await self.look_at(path) or TargetFacts(path=path)

    async def referee(self, arguments: Mapping[str, Json]) -> str | None:
        """QEMU's own refusal of a backup, found by a dry run; None where it has none.

        Raises:
            QmpError: QEMU could not be asked.
        """
        session = self._connected()
        schema = await self._schema(session)
        return await self._referee.ask(session, schema, arguments)

    async def start(
        self,
        arguments: Mapping[str, Json],
        *,
        way: Way = Way.DRIVE,
        fleece: str = "",
        target_io: TargetIo = TargetIo.WRITEBACK,
        warnings: tuple[str, ...] = (),
        wishes: Wishes = Wishes(),  # noqa: B008 -- it is frozen
    ) -> str:
        """Start a backup and return its job id. A dry run comes first.

        Args:
            arguments: those of `drive-backup`, whatever the way.
            way: how it is carried out.
            fleece: the directory on fast storage where what the guest overwrites meanwhile is
                saved, if anywhere; only by nodes.
            target_io: how the target is written to; only by nodes.
            warnings: what was said against it; kept for its report.
            wishes: what is done for it while it runs.

        Raises:
            CommandRefused: QEMU said no; nothing runs.
            ReadOnly: nothing may be started.
            NotAnswering: the deadline passed; the next poll tells whether it runs.
            ConnectionLost: the line was lost before the answer.
        """
        from tui.records.request import BackupRequest

        session = self._connected()
        self._gate.check(way.value)
        refusal = await self.referee(arguments)
        if refusal is not None:
            raise CommandRefused(way.value, "GenericError", refusal)
        request = BackupRequest(arguments=arguments, way=way.value, warnings=warnings)
        job = self._state.job_to_be(arguments)
        self._requests.remember(job.id, request)
        self._care.wish(job, wishes)
        try:
            # A dry run between the command and its answer could kill QEMU.
            async with self._referee.turn:
                if way is Way.BLOCKDEV:
                    plan = await self._plan(session, arguments, fleece, target_io)
                    job_id = await self._starter.start_by_nodes(session, arguments, plan)
                else:
                    job_id = await self._starter.start(session, arguments)
            if wishes.cancel_before_full:
                # It may copy a gigabyte a second.
                await self._care.at_once(session)
            return job_id
        except CommandRefused:
            self._care.forget(job.id)
            raise
        finally:
            self._look_again()

    async def _plan(
        self,
        session: QmpSession,
        arguments: Mapping[str, Json],
        fleece: str,
        target_io: TargetIo,
    ) -> "Plan":
        from tui.backup.judge import plan_for

        schema = await self._schema(session)
        if fleece:
            # The filter of the backup before may have been taken off just now.
            await self.refresh()
        facts = await self.look_at(arguments.get("target"))
        saved_to = await self._look_at_fleece(fleece, arguments)
        return plan_for(arguments, self.snapshot, schema, facts, saved_to, target_io)

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
            paused = [job.id for job in trouble.jobs if job.paused and job.io_status != "ok"]
            await self._rescue(tell).go_on(paused, resume)
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

    async def _part(self, session: QmpSession) -> None:
        if "serving" in vars(self):
            await self.serving.settle()
        await super()._part(session)

    async def _ask_run_state(self) -> str:
        return await Queries(self._connected(), self._pace.command).run_state()

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
