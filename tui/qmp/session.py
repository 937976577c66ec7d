"""A session with one QEMU: commands with a deadline, events as they come, a bounded end.

It stands on `qemu.qmp`'s client and adds what that lacks: deadlines everywhere, reasons in words,
and a line of its own, so that a `disconnect()` that hangs can be forced.
"""

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from qemu.qmp import ExecInterruptedError, ExecuteError, Runstate, StateError
from qemu.qmp.qmp_client import BadReplyError

from tui.qmp import diagnosis
from tui.qmp.address import LibvirtAddress, MonitorAddress, SshAddress
from tui.qmp.client import CLOSED_BY_US, Client, check_sendable, reason
from tui.qmp.dial import dial
from tui.qmp.errors import CommandRefused, ConnectionLost, NotAnswering
from tui.qmp.gate import OPEN, Gate
from tui.qmp.handshake import shake_hands
from tui.qmp.line import Line
from tui.qmp.models import Greeting, QmpEvent


class QmpSession:
    """One negotiated connection to a monitor. Made by `connect`; it never comes back once ended.

    Attributes:
        address: the monitor.
        greeting: version and capabilities, as QEMU greeted.
        peer_pid: the process of this host that serves the monitor, None where that cannot be told.
    """

    def __init__(
        self,
        address: MonitorAddress,
        greeting: Greeting,
        client: Client,
        line: Line,
        gate: Gate,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.address = address
        self.greeting = greeting
        self.peer_pid = line.peer_pid
        self._client = client
        self._gate = gate
        self._line = line
        # The reason why this side wants the session to end.
        self._unwanted: asyncio.Future[str] = loop.create_future()
        self._ended: asyncio.Future[str] = loop.create_future()
        self._watcher = loop.create_task(self._watch(), name=f"qmp watcher of {address}")

    @classmethod
    async def connect(
        cls,
        address: MonitorAddress,
        *,
        on_event: Callable[[QmpEvent], None],
        timeout: float = 3.0,
        gate: Gate = OPEN,
        ping: bool = True,
        line: Line | None = None,
    ) -> Self:
        """Connect, wait for the greeting and negotiate, all within `timeout` seconds.

        A silent monitor costs half a second more to find out what it is, by a `ping` unless that
        is not wanted; logging in on another host takes time of its own, and has a deadline of its
        own. `on_event` is called for each event within the event loop, at times before this
        returns; it must not block. Every command goes through `gate`. A `line` that is open already
        is taken as it is, and closed with the session, or without one.

        Raises:
            ConnectFailure: there is no session; nothing is left behind.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        line = line or await dial(address, timeout)
        if isinstance(address, SshAddress | LibvirtAddress):
            deadline = loop.time() + timeout
        client = Client(on_event)
        try:
            greeting = await shake_hands(client, line, address, deadline, timeout, ping=ping)
        except BaseException:
            await line.close()
            raise
        return cls(address, greeting, client, line, gate)

    async def execute(
        self,
        command: str,
        arguments: Mapping[str, object] | None = None,
        *,
        timeout: float = 10.0,
    ) -> object:
        """Run a command and return its reply. Many may be under way at once.

        Raises:
            CommandRefused: QEMU answered with an error, or the arguments are no JSON.
            ReadOnly: the gate lets only questions through; nothing was sent.
            NotAnswering: no reply within `timeout` seconds; QEMU may still carry the command out.
            ConnectionLost: the session has ended, or ended before the reply.
        """
        check_sendable(command, arguments)

        async def answer() -> object:
            return await self._execute(command, arguments, timeout)

        return await self._gate.watched(command, arguments, answer)

    async def _execute(
        self, command: str, arguments: Mapping[str, object] | None, timeout: float
    ) -> object:
        try:
            async with asyncio.timeout(timeout):
                return await self._client.execute(command, arguments)
        except TimeoutError as error:
            held_up = diagnosis.stopped_process(self.peer_pid)
            raise NotAnswering(command, timeout, held_up or "") from error
        except ExecuteError as error:
            raise CommandRefused(command, error.error_class, error.error.error.desc) from error
        except BadReplyError as error:
            self._want_to_end("QEMU sent a reply that is not QMP")
            raise ConnectionLost(await self.closed()) from error
        except (StateError, ExecInterruptedError) as error:
            raise ConnectionLost(await self.closed()) from error

    async def closed(self) -> str:
        """Wait until the session has ended, for whatever reason, and return that reason."""
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        """End the session within a second, also if QEMU is stopped; idempotent, never raises."""
        self._want_to_end(CLOSED_BY_US)
        await self.closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _want_to_end(self, why: str) -> None:
        if not self._unwanted.done():
            self._unwanted.set_result(why)

    async def _watch(self) -> None:
        """Own the end of the session: only one task may ever call the client's `disconnect()`."""
        broken = asyncio.create_task(self._leave_running())
        either: set[asyncio.Future[None] | asyncio.Future[str]] = {broken, self._unwanted}
        why = "The session was abandoned"
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            cause = await self._client.end(self._line.sock)
            why = self._line.broken or reason(cause)
            if self._unwanted.done():
                why = self._unwanted.result()
            await self._line.close()
        finally:
            broken.cancel()
            self._ended.set_result(why)

    async def _leave_running(self) -> None:
        # The state is looked at without a pause before each wait, so that no change is missed.
        while self._client.runstate is Runstate.RUNNING:
            await self._client.runstate_changed()
