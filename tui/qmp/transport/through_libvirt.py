"""Speaks to a libvirt domain's monitor through libvirt, and QMP to the rest of BlockDeck.

libvirt holds the monitor and takes single commands. A line is made of that by answering on a socket
as QEMU would: greeting, replies with their ids, events.
"""

import asyncio
import contextlib
import json
import logging
import socket
from typing import Any

from tui.qmp import diagnosis
from tui.qmp.address import LibvirtAddress
from tui.qmp.errors import ConnectFailure, HostUnreachable, NotResponding
from tui.qmp.gate import QUERIES
from tui.qmp.line import Line
from tui.qmp.one_thread import OneThread
from tui.qmp.transport.libvirt_domain import Domain, DomainEnded

logger = logging.getLogger(__name__)

_LONGEST_COMMAND = 64 * 1024 * 1024
_END_SECONDS = 0.4


async def dial_libvirt(address: LibvirtAddress, login: float, seconds: float) -> Line:
    """Connect to libvirt, and have it ask the domain's QEMU for its version.

    Args:
        login: seconds within which libvirt must have told of the domain.
        seconds: those within which its QEMU must answer.

    Raises:
        ConnectFailure: there is no line.
    """
    line = LibvirtLine(address)
    try:
        try:
            async with asyncio.timeout(login):
                await line.find()
        except TimeoutError as error:
            raise HostUnreachable(
                address, f"libvirt did not answer at {address.uri} within {login:g} s."
            ) from error
        try:
            async with asyncio.timeout(seconds):
                await line.greet()
        except TimeoutError as error:
            stopped = diagnosis.stopped_process(line.peer_pid)
            raise NotResponding(
                address,
                f"{stopped}."
                if stopped
                else f"The QEMU of the domain {address.domain} did not answer libvirt within "
                f"{seconds:g} s.",
            ) from error
    except BaseException:
        await line.close()
        raise
    return line


class LibvirtLine(Line):
    """A line that answers as the domain's QEMU would."""

    def __init__(self, address: LibvirtAddress) -> None:
        ours, self._near = socket.socketpair()
        for end in (ours, self._near):
            end.setblocking(False)
        super().__init__(ours)
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._thread = OneThread(f"libvirt {address.domain}")
        self._domain = Domain(address, self._on_event, self._on_end)
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def find(self) -> None:
        """Connect to libvirt and find the domain.

        Raises:
            ConnectFailure: with what is wrong.
        """
        await self._thread.run(self._domain.open)
        self.peer_pid = self._domain.pid

    async def greet(self) -> None:
        """Greet as QEMU does, and answer from then on.

        Raises:
            ConnectFailure: QEMU has not told its version.
        """
        try:
            reply = await self._thread.run(
                lambda: self._domain.ask({"execute": "query-version"}, settle=False)
            )
        except DomainEnded as ended:
            raise ConnectFailure(self._address, f"{ended}.") from ended
        if "return" not in reply:
            told = reply.get("error", {}).get("desc", "no version")
            raise ConnectFailure(self._address, f"QEMU's version is not to be had: {told}.")
        reader, self._writer = await asyncio.open_connection(
            sock=self._near, limit=_LONGEST_COMMAND
        )
        self._say({"QMP": {"version": reply["return"], "capabilities": []}})
        self._task = asyncio.create_task(self._serve(reader), name="libvirt line")
        self._task.add_done_callback(_log_fault)

    async def close(self) -> None:
        """Let go of the domain; a call that libvirt does not come back from is left behind."""
        await super().close()
        if self._closed:
            return
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_END_SECONDS)
        if self._writer is None:
            self._near.close()
        await asyncio.wait({self._thread.end(self._domain.close)}, timeout=_END_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader) -> None:
        assert self._writer is not None
        try:
            while message := await reader.readline():
                self._say(await self._answer(json.loads(message)))
                await self._writer.drain()
        except DomainEnded as ended:
            self._end(str(ended))
        except ConnectionError:
            # The session has hung up.
            pass
        finally:
            self._writer.close()

    async def _answer(self, command: dict[str, Any]) -> dict[str, Any]:
        number = command.pop("id", None)
        name = command.get("execute")
        if name == "qmp_capabilities":
            # libvirt has settled that with QEMU.
            reply: dict[str, Any] = {"return": {}}
        else:
            reply = await self._thread.run(
                lambda: self._domain.ask(command, settle=name not in QUERIES)
            )
        reply.pop("id", None)
        return reply if number is None else {**reply, "id": number}

    def _say(self, message: dict[str, Any]) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\r\n")

    def _end(self, why: str) -> None:
        self.broken = self.broken or why
        if self._writer is not None:
            self._writer.close()

    # --- called in libvirt's own thread ----------------------------------------------------------

    def _on_event(self, event: dict[str, Any]) -> None:
        self._in_loop(lambda: self._say(event))

    def _on_end(self, why: str) -> None:
        self._in_loop(lambda: self._end(why))

    def _in_loop(self, act: Any) -> None:
        # Where the loop is closed there is nobody left to tell.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(act)


def _log_fault(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        logger.error("A line through libvirt failed", exc_info=fault)
