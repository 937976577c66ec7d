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

from pydantic import ValidationError

from tui.backup.arguments import Json
from tui.backup.judge import judge
from tui.backup.target import TargetFacts
from tui.backup.verdict import Verdict
from tui.history import History
from tui.host.process import QemuProcess, listener_pid, qemu_process
from tui.host.target import look_at_target
from tui.qmp.address import MonitorAddress, TcpAddress
from tui.qmp.errors import CommandRefused, ConnectFailure, ConnectionLost, NotAnswering, QmpError
from tui.qmp.models import QmpEvent
from tui.qmp.queries import Queries
from tui.qmp.schema import QmpSchema, read_schema
from tui.qmp.session import QmpSession
from tui.vm.events import EventLog
from tui.vm.snapshot import Job, Link, VmSnapshot
from tui.worker.pace import Pace
from tui.worker.state import VmState

log = logging.getLogger(__name__)


class VmWorker(AbstractAsyncContextManager["VmWorker"]):
    """Everything BlockDeck does with one VM.

    `run()` connects, watches and reconnects until it is cancelled. As an async context manager it
    connects once, loads, and watches in a task of its own until left.

    Args:
        address: the QMP monitor.
        history: where outcomes are recorded before a job is dismissed.
        pace: how often to ask and how long to wait.
    """

    def __init__(
        self, address: MonitorAddress, *, history: History | None = None, pace: Pace | None = None
    ) -> None:
        self.address = address
        self.schema: QmpSchema | None = None
        self.process: QemuProcess | None = None
        self._pace = pace or Pace()
        self._history = history
        self._subscribers: list[Callable[[], None]] = []
        self._state = VmState(str(address), self._pace.inventory, self._announce)
        self._session: QmpSession | None = None
        self._kick = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

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
            What ends the subscription.
        """
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def _announce(self) -> None:
        for callback in tuple(self._subscribers):
            callback()

    # --- intents ---------------------------------------------------------------------------------

    async def judge(
        self, arguments: Mapping[str, Json], *, command: str = "drive-backup", fresh: bool = False
    ) -> Verdict:
        """Judge arguments against the VM as it is; `fresh` asks QEMU again first.

        Raises:
            QmpError: there is no connection, or the fresh look failed.
        """
        session = self._connected()
        if fresh:
            await self.refresh()
        schema = self.schema or await read_schema(session)
        facts = await self.look_at(arguments.get("target"))
        return judge(arguments, self.snapshot, schema, facts, command=command)

    async def look_at(self, target: object) -> TargetFacts | None:
        """What can be seen of a backup target; None where it is no path or nothing can be seen."""
        if not isinstance(target, str) or not target:
            return None
        try:
            return await asyncio.wait_for(
                asyncio.to_thread(look_at_target, target, self.process, self._state.filenames),
                self._pace.target,
            )
        except TimeoutError:
            # A dead network mount holds the thread, not us; what it hides is unknown.
            log.warning("looking at %r took longer than %s s", target, self._pace.target)
            return None

    async def start(
        self, arguments: Mapping[str, Json], *, command: str = "drive-backup"
    ) -> str:
        """Start a backup and return its job id.

        Raises:
            CommandRefused: QEMU said no; nothing runs.
            NotAnswering: the deadline passed; the next poll tells whether it runs.
            ConnectionLost: the line was lost before the answer.
        """
        session = self._connected()
        job = self._job_to_be(command, arguments)
        tracker = self._state.tracker
        tracker.expect(job)
        try:
            await session.execute(command, arguments, timeout=self._pace.command)
        except CommandRefused:
            tracker.refused(job.id)
            raise
        except (NotAnswering, ConnectionLost):
            tracker.unsure(job.id)
            raise
        else:
            tracker.accepted(job.id)
        finally:
            self._look_again()
        return job.id

    def _job_to_be(self, command: str, arguments: Mapping[str, Json]) -> Job:
        name = str(arguments.get("device", ""))
        device = self.snapshot.device_named(name)
        return Job(
            id=str(arguments.get("job-id") or (device.device if device else "")),
            type="backup",
            ours=True,
            device_key=device.key if device else None,
            device=device.title if device else name,
            target=str(arguments.get("target", "")),
            command={"execute": command, "arguments": dict(arguments)},
        )

    async def cancel(self, job_id: str) -> None:
        """Cancel a job for good. `force` because QEMU refuses to cancel a paused job without it.

        Raises:
            QmpError: QEMU refused (`DeviceNotActive`: no such job), or gave no answer.
        """
        session = self._connected()
        self._state.tracker.cancel_requested(job_id)
        arguments = {"device": job_id, "force": True}
        try:
            await session.execute("block-job-cancel", arguments, timeout=self._pace.command)
        except CommandRefused:
            self._state.tracker.cancel_refused(job_id)
            raise
        self._look_again()

    async def refresh(self) -> VmSnapshot:
        """Ask QEMU for everything again, the jobs before the disks (danger X2).

        Raises:
            QmpError: no connection, or no answer.
        """
        ask = self._ask(self._connected())
        await self._state.poll_jobs(ask)
        await self._state.poll_inventory(ask)
        await self._state.poll_run_state(ask)
        return self.snapshot

    def clear_finished(self) -> None:
        """Forget the jobs that have ended."""
        self._state.tracker.clear_finished()
        self._state.changed()

    def _connected(self) -> QmpSession:
        if self._session is None:
            raise ConnectionLost(self.snapshot.connection.detail or "not connected")
        return self._session

    def _look_again(self) -> None:
        self._state.want_inventory()
        self._kick.set()

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
            await session.close()
            raise
        self._watch = asyncio.create_task(self._run_from(session), name=f"worker {self.address}")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the VM alone; its jobs go on."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])

    async def run(self) -> None:
        """Connect, watch and reconnect until cancelled."""
        await self._run_from(None)

    async def _run_from(self, session: QmpSession | None) -> None:
        attempt = 0
        while True:
            try:
                if session is None:
                    session = await self._connect()
                    await self._load(session)
                attempt = 0
                self._lost(await self._watch_session(session))
            except ConnectFailure as failure:
                self._lost(failure.sentence, failure.advice)
            except QmpError as error:
                self._lost(str(error))
            except ValidationError as error:
                log.warning("an unexpected reply: %s", error)
                self._lost("QEMU answered with something this program does not understand")
            finally:
                if session is not None:
                    self._session = None
                    await session.close()
                    session = None
            await self._write_down()
            pause = self._pace.back_off[min(attempt, len(self._pace.back_off) - 1)]
            attempt += 1
            await asyncio.sleep(pause)

    async def _connect(self) -> QmpSession:
        return await QmpSession.connect(
            self.address, on_event=self._on_event, timeout=self._pace.connect
        )

    async def _load(self, session: QmpSession) -> None:
        """Learn everything about the VM behind a new session."""
        ask = self._ask(session)
        name, uuid, run_state = await asyncio.gather(ask.name(), ask.uuid(), ask.run_state())
        process = await self._find_process(session)
        before = self.snapshot
        if before.loaded and (uuid != before.uuid or process != self.process):
            self._state.forget("QEMU was started anew")
        self.process = process
        version = session.greeting.version
        self._state.identify(name=name, uuid=uuid, version=version, run_state=run_state)
        await self._state.poll_jobs(ask)
        await self._state.poll_inventory(ask)
        self.schema = await read_schema(session)
        self._session = session
        self._state.loaded()

    async def _find_process(self, session: QmpSession) -> QemuProcess | None:
        pid = session.peer_pid
        if pid is None and isinstance(self.address, TcpAddress):
            pid = await asyncio.to_thread(listener_pid, self.address.host, self.address.port)
        return await asyncio.to_thread(qemu_process, pid)

    def _ask(self, session: QmpSession) -> Queries:
        return Queries(session, self._pace.command)

    def _on_event(self, event: QmpEvent) -> None:
        if self._state.on_event(event):
            self._kick.set()

    def _lost(self, reason: str, advice: str = "") -> None:
        if self.process is not None and not self.process.alive():
            self._state.tracker.on_qemu_gone("QEMU ended")
        self._state.set_link(Link.LOST, reason, advice)

    # --- watching --------------------------------------------------------------------------------

    async def _watch_session(self, session: QmpSession) -> str:
        """Poll until the session has ended; returns why it did."""
        closed = asyncio.create_task(session.closed(), name="session closed")
        try:
            while not closed.done():
                await self._rest(closed)
                if closed.done():
                    break
                try:
                    await self._round(session)
                    self._state.set_link(Link.CONNECTED)
                except NotAnswering as silence:
                    self._state.set_link(Link.NOT_ANSWERING, str(silence))
                except CommandRefused as refusal:
                    log.warning("a poll was refused: %s", refusal)
            return closed.result()
        except ConnectionLost as lost:
            return lost.reason
        finally:
            closed.cancel()

    async def _rest(self, closed: "asyncio.Task[str]") -> None:
        """Wait for the next round: a kick, the time, or the end of the session."""
        kick = asyncio.create_task(self._kick.wait())
        try:
            await asyncio.wait(
                (kick, closed),
                timeout=self._pace.busy if self._state.tracker.busy else self._pace.idle,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if kick.done() and not closed.done():
                # Events come in bursts: ask once for all of a burst.
                await asyncio.wait((closed,), timeout=self._pace.settle)
        finally:
            kick.cancel()
            self._kick.clear()

    async def _round(self, session: QmpSession) -> None:
        """One light look at the VM: only what may have changed."""
        ask, state = self._ask(session), self._state
        if state.tracker.busy or state.tracker.to_dismiss() or state.inventory_due:
            await state.poll_jobs(ask)
        if state.run_state_due:
            await state.poll_run_state(ask)
        if state.inventory_due:
            await state.poll_inventory(ask)
        else:
            await state.poll_stats(ask)
        await self._dismiss(session)

    async def _write_down(self) -> None:
        """Record how our jobs ended; QEMU keeps what cannot be written down."""
        tracker = self._state.tracker
        for job in tracker.unwritten():
            if self._history is not None:
                try:
                    await self._history.record(self.snapshot, job)
                except OSError as error:
                    log.warning("the outcome of %s cannot be recorded: %s", job.id, error)
                    continue
            tracker.written(job.key)

    async def _dismiss(self, session: QmpSession) -> None:
        """Let QEMU forget our concluded jobs, each once its outcome is on record."""
        await self._write_down()
        for job_id in self._state.tracker.to_dismiss():
            try:
                await session.execute("job-dismiss", {"id": job_id}, timeout=self._pace.command)
            except CommandRefused as refusal:
                # Another client was quicker, or the job dismissed itself.
                log.info("dismissing %s: %s", job_id, refusal)
            self._state.want_inventory()
