"""From an open line to a negotiated session, or to the reason why there is none."""

import asyncio
import socket

from pydantic import ValidationError
from qemu.qmp import ConnectError
from qemu.qmp.message import DeserializationError
from qemu.qmp.qmp_client import GreetingError, NegotiationError

from tui.qmp import diagnosis
from tui.qmp.address import MonitorAddress
from tui.qmp.client import Client
from tui.qmp.errors import ConnectFailure, NotQmp
from tui.qmp.line import Line
from tui.qmp.models import Greeting

_OF_THE_CLIENT_BEFORE = (b'{"return"', b'{"error"', b'{"timestamp"', b'{"event"')


async def shake_hands(
    client: Client,
    line: Line,
    address: MonitorAddress,
    deadline: float,
    seconds: float,
    *,
    ping: bool = True,
) -> Greeting:
    """Wait for the greeting and negotiate the capabilities.

    Args:
        deadline: by the loop's clock.
        seconds: what the deadline was at first, for the messages.
        ping: whether a silent peer is spoken to, to find out what it is.

    Raises:
        ConnectFailure: it came to nothing; the client is idle again.
    """
    first = await _first_bytes(line, address, deadline, seconds, ping)
    try:
        async with asyncio.timeout_at(deadline):
            await client.connect(line.sock)
    except TimeoutError as error:
        raise _too_late(client, address, line.peer_pid, first, seconds) from error
    except ConnectError as error:
        raise _failure(line, address, error.exc, first) from error
    try:
        return _greeting(client)
    except ValidationError as error:
        await client.end(line.sock)
        raise diagnosis.not_qmp(address, first) from error


async def _first_bytes(
    line: Line, address: MonitorAddress, deadline: float, seconds: float, ping: bool
) -> bytes:
    """What the other side says first, left in the socket for the client to read.

    Only what may be a greeting is returned: other servers need not end their first line, and the
    client would wait for its end. A QEMU that was just left can still have lines for the client
    before; they are passed over.
    """
    sock = line.sock
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                await _readable(sock)
        except TimeoutError:
            raise await diagnosis.no_greeting(address, line, seconds, ping=ping) from None
        try:
            first = sock.recv(4096, socket.MSG_PEEK)
            message, newline, _ = first.partition(b"\n")
            if not newline or not message.startswith(_OF_THE_CLIENT_BEFORE):
                break
            sock.recv(len(message) + 1)
        except OSError as error:
            raise diagnosis.hung_up(address, line) from error
    if not first:
        raise diagnosis.hung_up(address, line)
    if not first.startswith(b"{"):
        raise diagnosis.not_qmp(address, first)
    return first


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def is_ready() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(sock, is_ready)
    try:
        await ready
    finally:
        loop.remove_reader(sock)


def _too_late(
    client: Client, address: MonitorAddress, pid: int | None, first: bytes, seconds: float
) -> ConnectFailure:
    if client.greeting is None:
        return NotQmp(
            address, f"{address} began with {diagnosis.excerpt(first)} and never ended the line."
        )
    try:
        _greeting(client)
    except ValidationError:
        return diagnosis.not_qmp(address, first)
    return diagnosis.unanswered(address, pid, seconds)


def _failure(line: Line, address: MonitorAddress, cause: Exception, first: bytes) -> ConnectFailure:
    told = cause.exc if isinstance(cause, GreetingError | NegotiationError) else cause
    if isinstance(told, EOFError | OSError):
        return diagnosis.hung_up(address, line)
    if isinstance(told, DeserializationError):
        if not told.raw.endswith(b"\n"):
            return diagnosis.hung_up(address, line)
        return diagnosis.not_qmp(address, told.raw)
    if isinstance(cause, NegotiationError):
        return NotQmp(address, f"{address} greeted like QMP, but refused the negotiation.")
    return diagnosis.not_qmp(address, first)


def _greeting(client: Client) -> Greeting:
    said = client.greeting
    return Greeting.model_validate(
        {"version": said.QMP.version, "capabilities": said.QMP.capabilities} if said else {}
    )
