"""A worker owns the connection to one VM.

It turns events and polls into `VmSnapshot`s and intents into commands, reconnects when the line is
lost, and outlives every failure of QEMU.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from tui.backup.arguments import DRIVE_BACKUP, Json
from tui.backup.judge import judge, plan_for
from tui.backup.plan import Plan
from tui.backup.target import TargetFacts
from tui.backup.verdict import Verdict
from tui.backup.way import Way
from tui.history import History
from tui.host.process import QemuProcess
from tui.qmp.address import MonitorAddress
from tui.qmp.errors import CommandRefused, ConnectFailure, ConnectionLost, QmpError
from tui.qmp.gate import Deed, Gate
from tui.qmp.models import QmpEvent
from tui.qmp.queries import Queries
from tui.qmp.schema import QmpSchema, read_schema
from tui.qmp.session import QmpSession
from tui.records.audit import AuditEntry, AuditLog
from tui.records.request import BackupRequest
from tui.vm.events import EventLog
from tui.vm.snapshot import Link, VmSnapshot
from tui.vm.trouble import Trouble
from tui.vm.verbs import Act, Verb
from tui.worker.acts import Acts
from tui.worker.behind import process_behind, same_process
from tui.worker.blockdev import TargetNodes
from tui.worker.outcomes import Outcomes
from tui.worker.pace import Pace
from tui.worker.referee import Referee
from tui.worker.rescue import Rescue, Tell
from tui.worker.sight import Sight
from tui.worker.starting import Starter
from tui.worker.state import VmState
from tui.worker.subscribers import Subscribers
from tui.worker.watch import Watch

log = logging.getLogger(__name__)


class VmWorker(AbstractAsyncContextManager["VmWorker"]):
    """Everything BlockDeck does with one VM.

    `run()` connects, watches and reconnects until it is cancelled. As an async context manager it
    connects once, loads, and watches in a task of its own until left.

    Args:
        address: the QMP monitor.
        history: where outcomes are recorded before a job is dismissed.
        pace: how often to ask and how long to wait.
        audit: where every command is written down that can change something.
        read_only: nothing but questions is sent to QEMU, and nothing is recorded.

    Attributes:
        schema: what this QEMU can do; None until the first connection.
        process: the QEMU behind the monitor, where it runs on this host.
    """

    def __init__(
        self,
        address: MonitorAddress,
        *,
        history: History | None = None,
        pace: Pace | None = None,
        audit: AuditLog | None = None,
        read_only: bool = False,
    ) -> None:
        self.address = address
        self.schema: QmpSchema | None = None
        self.process: QemuProcess | None = None
        self._pace = pace or Pace()
        self._subscribers = Subscribers()
        self._state = VmState(str(address), self._pace, self._subscribers.tell, read_only)
        self._audit = audit
        self._gate = Gate(read_only=read_only, witness=self._witness if audit else None)
        self._nodes = TargetNodes(self._state, self._pace)
        self._outcomes = Outcomes(
            self._state,
            self._nodes,
            history,
            deadline=self._pace.command,
            patience=self._pace.writing,
        )
        self._watch = Watch(self._state, self._outcomes, self._nodes, self._pace)
        self._referee = Referee(self._state, self._pace.command, self._take_in)
        self._starter = Starter(self._state, self._nodes, self._pace.command)
        self._acts = Acts(self._state, self._pace.command)
        self._sight = Sight(self._pace.target)
        self._session: QmpSession | None = None
        self._task: asyncio.Task[None] | None = None

    # --- reading ---------------------------------------------------------------------------------

    @property
    def snapshot(self) -> VmSnapshot:
        """The present picture of the VM."""
        return self._state.snapshot

    @property
    def events(self) -> EventLog:
        """The events since the worker began."""
        return self._state.events

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called, in the event loop, whenever something changed.

        Returns:
            What ends the subscription; calling it again does nothing.
        """
        return self._subscribers.add(callback)

    # --- intents ---------------------------------------------------------------------------------

    async def judge(
        self,
        arguments: Mapping[str, Json],
        *,
        command: str = DRIVE_BACKUP,
        way: Way = Way.DRIVE,
        fresh: bool = False,
    ) -> Verdict:
        """Judge arguments against the VM as it is; `fresh` asks QEMU again first.

        The arguments are those of the command, whatever the way in which it is carried out.

        Raises:
            QmpError: there is no connection, or the fresh look failed.
        """
        session = self._connected()
        if fresh:
            await self.refresh()
        schema = self.schema or await read_schema(session)
        of_file = command == DRIVE_BACKUP
        facts = await self.look_at(arguments.get("target")) if of_file else None
        return judge(arguments, self.snapshot, schema, facts, command=command, way=way)

    async def look_at(self, target: object) -> TargetFacts | None:
        """What can be seen of a backup target; None where it is no path or nothing can be seen."""
        return await self._sight.look(target, self.process, self._state.filenames)

    async def referee(self, arguments: Mapping[str, Json]) -> str | None:
        """QEMU's own refusal of a backup, found by a dry run; None where it has none.

        Raises:
            QmpError: QEMU could not be asked.
        """
        session = self._connected()
        schema = self.schema or await read_schema(session)
        return await self._referee.ask(session, schema, arguments)

    async def start(
        self,
        arguments: Mapping[str, Json],
        *,
        way: Way = Way.DRIVE,
        warnings: tuple[str, ...] = (),
    ) -> str:
        """Start a backup and return its job id. A dry run comes first.

        Args:
            arguments: those of `drive-backup`, whatever the way.
            way: how it is carried out.
            warnings: what was said against it; kept for its report.

        Raises:
            CommandRefused: QEMU said no; nothing runs.
            ReadOnly: nothing may be started.
            NotAnswering: the deadline passed; the next poll tells whether it runs.
            ConnectionLost: the line was lost before the answer.
        """
        session = self._connected()
        self._gate.check(way.value)
        refusal = await self.referee(arguments)
        if refusal is not None:
            raise CommandRefused(way.value, "GenericError", refusal)
        request = BackupRequest(arguments=arguments, way=way.value, warnings=warnings)
        self._outcomes.asked_for(self._state.job_to_be(arguments).id, request)
        try:
            # A dry run between the command and its answer could kill QEMU.
            async with self._referee.turn:
                if way is Way.BLOCKDEV:
                    plan = await self._plan(session, arguments)
                    return await self._starter.start_by_nodes(session, arguments, plan)
                return await self._starter.start(session, arguments)
        finally:
            self._look_again()

    async def _plan(self, session: QmpSession, arguments: Mapping[str, Json]) -> Plan:
        schema = self.schema or await read_schema(session)
        facts = await self.look_at(arguments.get("target"))
        return plan_for(arguments, self.snapshot, schema, facts)

    async def cancel(self, job_id: str) -> None:
        """Cancel a job for good, also one that is paused.

        Raises:
            QmpError: QEMU refused (`DeviceNotActive`: no such job), or gave no answer.
        """
        await self.act(job_id, Act(Verb.CANCEL))

    async def act(self, job_id: str, act: Act) -> None:
        """Do something to a job: `tui.vm.verbs` tells what can be done in which state.

        Raises:
            CommandRefused: QEMU said no (`DeviceNotActive`: no such job).
            NotAnswering: the deadline passed.
            ConnectionLost: the line was lost before the answer.
        """
        session = self._connected()
        schema = self.schema or await read_schema(session)
        try:
            await self._acts.do(session, schema, job_id, act)
        finally:
            self._look_again()

    async def rescue(self, trouble: Trouble, tell: Tell) -> None:
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

    async def go_on(self, trouble: Trouble, tell: Tell) -> None:
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

    def _rescue(self, tell: Tell) -> Rescue:
        return Rescue(self._connected(), self._pace.command, self._pace.create, tell)

    async def refresh(self) -> VmSnapshot:
        """Ask QEMU for everything again, the jobs before the disks (danger X2).

        Raises:
            QmpError: no connection, or no answer.
        """
        ask = Queries(self._connected(), self._pace.command)
        await self._state.poll_jobs(ask)
        await self._state.poll_inventory(ask)
        await self._state.poll_run_state(ask)
        return self.snapshot

    def clear_finished(self) -> None:
        """Forget the jobs that have ended, but for those that QEMU still holds."""
        self._state.tracker.clear_finished()
        self._state.changed()

    def _connected(self) -> QmpSession:
        if self._session is None:
            raise ConnectionLost(self.snapshot.connection.detail or "not connected")
        return self._session

    def _look_again(self) -> None:
        self._state.want_inventory()
        self._state.run_state_due = True
        self._watch.hint()

    # --- life ------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Connect once and load.

        Raises:
            ConnectFailure: with what is wrong and what to do.
            QmpError: QEMU did not answer the first questions.
        """
        session = await self._connect()
        try:
            await self._load(session)
        except BaseException:
            self._session = None
            await session.close()
            raise
        self._task = asyncio.create_task(self._run_from(session), name=f"worker {self.address}")
        self._task.add_done_callback(self._stopped)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the VM alone; its jobs go on."""
        session = self._session
        if self._task is not None:
            # Cancelled before its first step it would settle nothing.
            await asyncio.sleep(0)
            self._task.cancel()
            await asyncio.wait([self._task])
        if session is not None:
            await session.close()

    def _stopped(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("the watch over %s failed", self.address, exc_info=fault)
            self._state.set_link(Link.LOST, "a fault of BlockDeck's own ended the watch")

    async def run(self) -> None:
        """Connect, watch and reconnect until cancelled."""
        await self._run_from(None)

    async def _run_from(self, session: QmpSession | None) -> None:
        attempt = 0
        while True:
            advice = ""
            try:
                if session is None:
                    session = await self._connect()
                    await self._load(session)
                attempt = 0
                reason = await self._watch.over(session)
            except ConnectFailure as failure:
                reason, advice = failure.sentence, failure.advice
            except QmpError as error:
                reason = str(error)
            except asyncio.CancelledError:
                if self._session is not None:
                    await self._referee.settle()
                    await self._outcomes.part(self._session)
                raise
            finally:
                self._session = None
                if session is not None:
                    await session.close()
                    session = None
            await self._lost(reason, advice)
            pause = self._pace.back_off[min(attempt, len(self._pace.back_off) - 1)]
            attempt += 1
            await asyncio.sleep(pause)

    async def _connect(self) -> QmpSession:
        return await QmpSession.connect(
            self.address,
            on_event=self._on_event,
            timeout=self._pace.connect,
            gate=self._gate,
        )

    def _witness(self, deed: Deed) -> None:
        if self._audit is not None:
            self._audit.write(AuditEntry.of(self.snapshot, deed))

    async def _load(self, session: QmpSession) -> None:
        """Learn everything about the VM behind a new session."""
        ask = Queries(session, self._pace.command)
        name, uuid, run_state = await ask.name(), await ask.uuid(), await ask.run_state()
        process = await process_behind(session)
        before = self.snapshot
        if before.loaded and (uuid != before.uuid or not same_process(process, self.process)):
            self._state.forget("QEMU was started anew")
        self.process = process
        version = session.greeting.version
        self._state.identify(name=name, uuid=uuid, version=version, run_state=run_state)
        self._state.started_as(process.cmdline if process else ())
        await self._state.poll_graph(ask)
        await self._state.poll_jobs(ask)
        await self._state.poll_inventory(ask)
        self.schema = await read_schema(session)
        self._session = session
        self._state.loaded()
        self._watch.hint()

    def _on_event(self, event: QmpEvent) -> None:
        if not self._referee.keeps(event) and not self._nodes.keeps(event):
            self._take_in(event)

    def _take_in(self, event: QmpEvent) -> None:
        if self._state.on_event(event):
            self._watch.hint()

    async def _lost(self, reason: str, advice: str) -> None:
        if self.process is not None and not self.process.alive():
            self._state.gone("QEMU has ended")
        await self._outcomes.write_down()
        self._state.set_link(Link.LOST, reason, advice)
