"""Reaches a monitor on another host, on a Unix socket or a TCP port of it, over SSH.

What OpenSSH's files, the agent and `known_hosts` say counts here as it does for `ssh`. Nobody is
asked for a password, for there is no terminal to ask on.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import asyncssh

from tui.qmp.address import SshAddress
from tui.qmp.errors import NoSocketNamed
from tui.qmp.line import Line
from tui.qmp.relay import Far, Relay
from tui.qmp.reserved import keep_off
from tui.qmp.transport.ssh_login import Login, arrive

Ends = tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]]

_LOOK_SECONDS = 3.0
"""How long the host may take to tell where a path leads."""


async def dial_ssh(address: SshAddress, seconds: float) -> Line:
    """Log in, and connect to the socket or the port from there.

    Raises:
        ConnectFailure: there is no line within the given seconds, or a host is not to be trusted.
    """
    keep_off(address)
    if not address.inside:
        raise NoSocketNamed(
            address,
            f"Say which monitor of {address.host}: {address}/path/to/qmp.sock, or "
            f"{address}/localhost:4444 for one on a TCP port.",
            f"blockdeck discover {address} lists the monitors that it has.",
        )
    login = Login(address)
    connection, ends = await arrive(login, seconds, lambda there: _connect(address, there))
    return line_over(address, connection, ends, login.end)


async def _connect(address: SshAddress, there: asyncssh.SSHClientConnection) -> Ends:
    """Connect to the monitor, unless its path leads to a manager's own there.

    Raises:
        Reserved: it does.
    """
    if address.tcp is not None:
        return await open_ends(address, there)
    real = await _real_path(address.path, there)
    keep_off(address.at(real))
    return await open_ends(address, there)


async def open_ends(address: SshAddress, there: asyncssh.SSHClientConnection) -> Ends:
    """Have sshd connect to the socket or the port.

    Raises:
        ChannelOpenError: it does not.
    """
    if address.tcp is not None:
        return await there.open_connection(address.tcp.host, address.tcp.port)
    return await there.open_unix_connection(address.path)


async def _real_path(path: str, there: asyncssh.SSHClientConnection) -> str:
    """Where a path leads by links there; itself where that is not told."""
    with contextlib.suppress(asyncssh.Error, OSError, ValueError):
        async with asyncio.timeout(_LOOK_SECONDS), there.start_sftp_client() as files:
            return str(await files.realpath(path))
    return path


def line_over(
    address: SshAddress,
    connection: asyncssh.SSHClientConnection,
    ends: Ends,
    end: Callable[[], Awaitable[None]],
) -> Line:
    """The line to a monitor that was connected to; `end` follows when it is closed."""
    reader, writer = ends

    def explain(error: Exception | None) -> str:
        if error is None and not connection.is_closed():
            return ""
        told = error.reason if isinstance(error, asyncssh.Error) else error
        because = f": {told}" if told and str(told) != "Connection lost" else ""
        return f"The SSH connection to {address.host} was lost{because}"

    async def close() -> None:
        writer.close()
        await end()

    return Relay(Far(reader, writer, (OSError, asyncssh.Error), explain, close))
