"""Reaches the Unix socket of a monitor on another host, over SSH.

What OpenSSH's files, the agent and `known_hosts` say counts here as it does for `ssh`. Nobody is
asked for a password, for there is no terminal to ask on.
"""

import asyncio
import contextlib
import functools
import shlex
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncssh

from tui.qmp.address import SshAddress
from tui.qmp.errors import NoSocketNamed
from tui.qmp.line import Line
from tui.qmp.names import look_up
from tui.qmp.relay import Far, Relay
from tui.qmp.reserved import keep_off
from tui.qmp.transport.ssh_config import config_files, options_for, way_to
from tui.qmp.transport.ssh_failure import failure_of, no_way_to_the_socket
from tui.qmp.transport.ssh_stranger import Shown
from tui.qmp.transport.ssh_tcp import NAME_SECONDS, Direct

T = TypeVar("T")


async def dial_ssh(address: SshAddress, seconds: float) -> Line:
    """Log in, and connect to the socket from there.

    Raises:
        ConnectFailure: there is no line within the given seconds, or a host is not to be trusted.
    """
    keep_off(address)
    if not address.path:
        raise NoSocketNamed(
            address,
            f"Say which socket of {address.host}: {address}/path/to/qmp.sock.",
            f"blockdeck discover {address} lists the monitors that it has.",
        )
    login = _Login(address)
    connection, (reader, writer) = await _arrive(
        login, seconds, lambda there: there.open_unix_connection(address.path)
    )

    def explain(error: Exception | None) -> str:
        if error is None and not connection.is_closed():
            return ""
        told = error.reason if isinstance(error, asyncssh.Error) else error
        because = f": {told}" if told and str(told) != "Connection lost" else ""
        return f"The SSH connection to {address.host} was lost{because}"

    async def close() -> None:
        writer.close()
        await login.end()

    return Relay(Far(reader, writer, (OSError, asyncssh.Error), explain, close))


Run = Callable[[str, bytes], Awaitable[bytes]]
"""Has `sh` run a script, with bytes on its standard input; what it says, whatever its status."""


async def ask_host(address: SshAddress, seconds: float, ask: Callable[[Run], Awaitable[T]]) -> T:
    """Log in, ask what is to be asked, and leave.

    Raises:
        ConnectFailure: this is not done within the given seconds, or a host is not to be trusted.
    """
    login = _Login(address)

    async def act(there: asyncssh.SSHClientConnection) -> T:
        async def run(script: str, given: bytes) -> bytes:
            command = f"sh -c {shlex.quote(script)}"
            done = await there.run(command, input=given, encoding=None)
            return done.stdout if isinstance(done.stdout, bytes) else b""

        return await ask(run)

    _, answer = await _arrive(login, seconds, act)
    await login.end()
    return answer


async def _arrive(
    login: "_Login", seconds: float, act: Callable[[asyncssh.SSHClientConnection], Awaitable[T]]
) -> tuple[asyncssh.SSHClientConnection, T]:
    """Log in, and do something there.

    Raises:
        ConnectFailure: it came to nothing; the login has ended.
    """
    address = login.address
    try:
        async with asyncio.timeout(seconds):
            connection = await login.reach()
            return connection, await act(connection)
    except (OSError, asyncssh.Error, ValueError) as error:
        if isinstance(error, asyncssh.ChannelOpenError) and login.arrived and address.path:
            failure = await no_way_to_the_socket(address, login.connections[-1])
        else:
            failure = failure_of(error, address, login.place, login.shown, seconds)
        await login.end()
        raise failure from error
    except BaseException:
        login.abort()
        raise


class _Login:
    """Connections to a host, and to those on the way that `ProxyJump` names.

    Attributes:
        address: what is to be reached.
        connections: that were made, the nearest host first.
        place: the host that is, or was, logged in to.
        shown: what that host showed, where it is not known.
        arrived: whether the host itself has let us in.
    """

    def __init__(self, address: SshAddress) -> None:
        self.address = address
        self.connections: list[asyncssh.SSHClientConnection] = []
        self.place = address
        self.shown = Shown()
        self.arrived = False

    async def reach(self) -> asyncssh.SSHClientConnection:
        """A connection to the host itself."""
        # asyncssh would go this way by itself, but asks of those hosts only what the files say.
        for jump in await asyncio.to_thread(way_to, self.address):
            await self._log_in(jump)
        connection = await self._log_in(self.address)
        self.arrived = True
        return connection

    async def _log_in(self, place: SshAddress) -> asyncssh.SSHClientConnection:
        self.place, self.shown = place, Shown()
        tunnel = self.connections[-1] if self.connections else None
        options = await asyncio.to_thread(options_for, place, self.shown, tunnel)
        await _look_up_canonical(place.host, options)
        way: asyncssh.SSHClientConnection | Direct | None = tunnel
        if way is None and not options.proxy_command:
            way = Direct(options.family, options.local_addr)
        connect = functools.partial(
            asyncssh.connect,
            place.host,
            place.port or (),
            options=options,
            tunnel=way,
            # Once more, for `Match final` has it read them again.
            config=await asyncio.to_thread(config_files),
        )
        try:
            connection = await connect()
        except (asyncssh.ConnectionLost, asyncssh.KeyExchangeFailed):
            # sshd hangs up on whoever wants a key of a kind that it does not have, as a host's keys
            # may be after a change. Asked for any, it shows one, which must be known all the same.
            connection = await connect(server_host_key_algs="default")
        self.connections.append(connection)
        return connection

    def abort(self) -> None:
        """Let go of all connections, at once."""
        for connection in reversed(self.connections):
            connection.abort()

    async def end(self) -> None:
        """Let go of all connections, and wait until they are gone."""
        self.abort()
        for connection in self.connections:
            await connection.wait_closed()


async def _look_up_canonical(host: str, options: asyncssh.SSHClientConnectionOptions) -> None:
    """Wait here for the names that `CanonicalizeHostname` has asyncssh look up in a way of its own.

    Raises:
        NameServerSilent: there was no answer.
    """
    if not options.canonicalize_hostname or host.count(".") > options.canonicalize_max_dots:
        return
    for domain in options.canonical_domains:
        with contextlib.suppress(socket.gaierror):
            await look_up(f"{host}.{domain}", 0, NAME_SECONDS)
            return
