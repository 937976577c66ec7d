"""Logs in on a host, on the way that OpenSSH's files tell."""

import asyncio
import contextlib
import functools
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncssh

from tui.qmp.address import SshAddress
from tui.qmp.errors import ConnectFailure
from tui.qmp.names import look_up
from tui.qmp.transport.ssh_config import config_files, options_for, way_to
from tui.qmp.transport.ssh_failure import (
    failure_of,
    no_way_to_the_port,
    no_way_to_the_socket,
    not_in_time,
)
from tui.qmp.transport.ssh_stranger import Shown
from tui.qmp.transport.ssh_tcp import NAME_SECONDS, Direct

T = TypeVar("T")


class Login:
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


async def arrive(
    login: Login, seconds: float, act: Callable[[asyncssh.SSHClientConnection], Awaitable[T]]
) -> tuple[asyncssh.SSHClientConnection, T]:
    """Log in, and do something there.

    Raises:
        ConnectFailure: it came to nothing; the login has ended.
    """
    try:
        async with asyncio.timeout(seconds):
            connection = await login.reach()
            return connection, await act(connection)
    except (OSError, asyncssh.Error, ValueError) as error:
        failure = await _why_not(error, login, seconds)
        await login.end()
        raise failure from error
    except ConnectFailure:
        await login.end()
        raise
    except BaseException:
        login.abort()
        raise


async def _why_not(error: Exception, login: Login, seconds: float) -> ConnectFailure:
    address = login.address
    if login.arrived and isinstance(error, asyncssh.ChannelOpenError) and address.tcp:
        return no_way_to_the_port(address, address.tcp, error)
    if login.arrived and isinstance(error, asyncssh.ChannelOpenError) and address.path:
        return await no_way_to_the_socket(address, login.connections[-1])
    if login.arrived and isinstance(error, TimeoutError) and address.inside:
        return not_in_time(address, seconds)
    return failure_of(error, address, login.place, login.shown, seconds)


async def _look_up_canonical(host: str, options: asyncssh.SSHClientConnectionOptions) -> None:
    """Wait here for the names that `CanonicalizeHostname` has asyncssh look up in a way of its own.

    Raises:
        NameServerSilent: there was no answer.
    """
    if not options.canonicalize_hostname or host.count(".") > options.canonicalize_max_dots:
        return
    for domain in options.canonical_domains:
        # As for ssh, the next domain is tried where a name is not in this one.
        with contextlib.suppress(socket.gaierror):
            await look_up(f"{host}.{domain}", 0, NAME_SECONDS)
            return
