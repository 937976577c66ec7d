"""The connection to one VM, kept for as long as somebody wants it.

It turns events and polls into `VmSnapshot`s, reconnects when the line is lost, and outlives every
failure of QEMU.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypedDict

from tui.history import History
from tui.host.process import QemuProcess
from tui.qmp.address import MonitorAddress
from tui.qmp.errors import (
    ConnectFailure,
    ConnectionLost,
    NobodyListens,
    NoSuchSocket,
    QmpError,
    WayNotServed,
)
from tui.qmp.gate import Deed, Gate
from tui.qmp.models import QmpEvent
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession
from tui.records.audit import AuditEntry, AuditLog
from tui.vm.events import EventLog
from tui.vm.snapshot import Link, VmSnapshot
from tui.vm.verbs import Act, Verb
from tui.worker.acts import Acts
from tui.worker.behind import mark_of, process_behind
from tui.worker.blockdev import TargetNodes
from tui.worker.care import Care
from tui.worker.disk import Disk
from tui.worker.entrance import Entrance
from tui.worker.fleeces import Fleeces
from tui.worker.legacy import Legacy
from tui.worker.outcomes import Outcomes
from tui.worker.pace import Pace
from tui.worker.protection import Protection
from tui.worker.referee import Referee
from tui.worker.requests import Requests
from tui.worker.state import VmState
from tui.worker.subscribers import Subscribers
from tui.worker.watch import Watch

if TYPE_CHECKING:
    from tui.qmp.schema import QmpSchema

log = logging.getLogger(__name__)

_REFUSALS = 2
"""So often in a row nobody listens where an unseen QEMU did, before it counts as ended."""


class WorkerSettings(TypedDict, total=False):
    """The arguments of `Connected` but the first."""

    history: History | None
    pace: Pace | None
    audit: AuditLog | None
    read_only: bool
    protected: Collection[str]
    entrance: Entrance | None


class Connected:
    """A VM that is watched.

    `run()` connects, watches and reconnects until it is cancelled. As an async context manager it
    connects once, loads, and watches in a task of its own until left.

    Args:
        address: the QMP monitor.
        history: where outcomes are recorded before a job is dismissed.
        pace: how often to ask and how long to wait.
        audit: where every command is written down that can change something.
        read_only: nothing but questions is sent to QEMU, and nothing is recorded.
        protected: names and UUIDs of VMs that are treated so too, once QEMU has told them.
        entrance: takes turns with the VMs that are opened beside this one.

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
        protected: Collection[str] = (),
        entrance: Entrance | None = None,
    ) -> None:
        self.address = address
        self.schema: QmpSchema | None = None
        self.process: QemuProcess | None = None
        self._pace = pace or Pace()
        self._entrance = entrance or Entrance()
        self._subscribers = Subscribers()
        self._state = VmState(str(address), self._pace, self._subscribers.tell, read_only)
        self._audit = audit
        self._protection = Protection(read_only, protected)
        self._gate = Gate(read_only=read_only, witness=self._witness if audit else None)
        patience, requests, care, fleeces = self._pace.writing, None, None, None
        if history is not None:
            requests, care, fleeces = history.requests, history.care, history.fleeces
        self._fleeces = Fleeces(Disk(fleeces, self._identity, patience), patience)
        self._nodes = TargetNodes(self._state, self._fleeces, self._pace)
        self._requests = Requests(self._state, Disk(requests, self._identity, patience))
        self._outcomes = Outcomes(
            self._state,
            self._nodes,
            history,
            deadline=self._pace.command,
            patience=patience,
            requests=self._requests,
        )
        self._care = Care(
            self._state,
            lambda: self.process,
            self._cancel_for,
            self._pace.command,
            Legacy(self._state, Disk(care, self._identity, patience)),
        )
        self._watch = Watch(self._state, self._care, self._outcomes, self._nodes, self._pace)
        self._referee = Referee(self._state, self._pace.command, self._take_in)
        self._acts = Acts(self._state, self._pace.command)
        self._mark = ""
        self._refusals = 0
        self._session: QmpSession | None = None
        self._task: asyncio.Task[None] | None = None

    # --- reading ---------------------------------------------------------------------------------

    @property
    def snapshot(self) -> VmSnapshot:
        """The present picture of the VM."""
        return self._state.snapshot

    @property
    def name(self) -> str:
        """What QEMU calls the VM, empty where it does not; cheap to ask for."""
        return self._state.name

    @property
    def events(self) -> EventLog:
        """The events since the worker began."""
        return self._state.events

    @property
    def news(self) -> tuple[int, bool, Link]:
        """What is different after all that is worth showing at once; cheap to ask for."""
        return self._state.news

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called, in the event loop, whenever something changed.

        Returns:
            What ends the subscription; calling it again does nothing.
        """
        return self._subscribers.add(callback)

    def call(self, label: str) -> None:
        """Call the VM so, where it is shown among others."""
        self._state.call(label)

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

    def _connected(self) -> QmpSession:
        if self._session is None:
            raise ConnectionLost(self.snapshot.connection.detail or "not connected")
        return self._session

    async def _schema(self, session: QmpSession, *, anew: bool = False) -> "QmpSchema":
        """What this QEMU can do, asked for where it is not known yet."""
        from tui.qmp.known_schemas import read_schema

        return await read_schema(session) if anew or self.schema is None else self.schema

    def _look_again(self) -> None:
        self._state.due.want_inventory()
        self._state.due.run_state = True
        self._watch.hint()

    async def _cancel_for(self, job_id: str, why: str) -> None:
        session = self._connected()
        schema = await self._schema(session)
        try:
            await self._acts.do(session, schema, job_id, Act(Verb.CANCEL), why)
        finally:
            self._look_again()

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
            await self._learn(session)
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
                    async with self._entrance.turn():
                        session = await self._connect()
                        await self._load(session)
                    await asyncio.sleep(self._pace.painting)
                    await self._learn(session)
                attempt = self._refusals = 0
                reason = await self._watch.over(session)
            except ConnectFailure as failure:
                reason, advice = failure.sentence, failure.advice
                self._refusals = self._refusals + 1 if _is_of_no_qemu(failure) else 0
            except QmpError as error:
                reason = str(error)
            except asyncio.CancelledError:
                if self._session is not None:
                    await self._part(self._session)
                await self._outcomes.part(self._session)
                raise
            finally:
                self._session = None
                if session is not None:
                    await session.close()
                    session = None
            pause = self._pace.back_off[min(attempt, len(self._pace.back_off) - 1)]
            attempt += 1
            try:
                await self._lost(reason, advice)
                await asyncio.sleep(pause)
            except asyncio.CancelledError:
                # What is being written down then has an owner no more.
                await self._outcomes.part(None)
                raise

    async def _part(self, session: QmpSession) -> None:
        """Give back what is for as long as somebody is there, while QEMU can still be told."""
        await self._care.part(session)
        await self._referee.settle()

    async def _connect(self) -> QmpSession:
        # An event can tell of a job before the nodes have been asked for.
        self._state.tracker.know_nodes(None)
        return await QmpSession.connect(
            self.address,
            on_event=self._on_event,
            timeout=self._pace.connect,
            gate=self._gate,
        )

    def _identity(self) -> str:
        """Which QEMU it is, of all that were ever behind this monitor."""
        return self._mark

    def _witness(self, deed: Deed) -> None:
        if self._audit is not None:
            self._audit.write(AuditEntry.of(self.snapshot, deed))
            audit = self._audit
            audit.then(lambda: self._state.note_audit(audit.problem))

    async def _load(self, session: QmpSession) -> None:
        """Learn everything about the VM behind a new session."""
        ask = Queries(session, self._pace.command)
        name, uuid, run_state = await ask.name(), await ask.uuid(), await ask.run_state()
        self._gate.read_only = self._state.read_only = self._protection.covers(name, uuid)
        process = await process_behind(session)
        mark = await mark_of(process, ask)
        before = self.snapshot
        if before.loaded and (uuid != before.uuid or mark != self._mark):
            self._state.forget("QEMU was started anew")
        self.process, self._mark = process, mark
        version = session.greeting.version
        self._state.identify(name=name, uuid=uuid, version=version, run_state=run_state)
        self._state.started_as(process.cmdline if process else ())
        await self._state.poll_graph(ask)
        await self._state.poll_jobs(ask)
        await self._state.poll_inventory(ask)
        self._session = session
        self._state.loaded()

    async def _learn(self, session: QmpSession) -> None:
        """Learn what this QEMU can do: by far the longest reply, and not needed at once."""
        self.schema = await self._schema(session, anew=True)
        self._state.changed()
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
        elif self.process is None and self._refusals == _REFUSALS:
            # A QEMU that lives listens, whether a client is there or not.
            self._state.gone("nobody listens at its monitor any more")
        await self._outcomes.write_down()
        self._state.set_link(Link.LOST, reason, advice)


def _is_of_no_qemu(failure: ConnectFailure) -> bool:
    """Whether nobody listens at the monitor, and not only on the way there."""
    gone = isinstance(failure, NobodyListens | NoSuchSocket)
    return gone and not isinstance(failure, WayNotServed)
