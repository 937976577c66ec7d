"""Another host, for as long as it takes to ask it something: its `sh`, and its monitors."""

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterator

import asyncssh

from tui.qmp.address import SshAddress
from tui.qmp.errors import HostUnreachable
from tui.qmp.line import Line
from tui.qmp.reserved import keep_off
from tui.qmp.transport.ssh import line_over, open_ends
from tui.qmp.transport.ssh_failure import broken, not_forwarded, not_in_time
from tui.qmp.transport.ssh_login import Login, arrive


class LoggedIn:
    """A host that is logged in to: it runs scripts, and its monitors can be connected to."""

    def __init__(self, address: SshAddress, connection: asyncssh.SSHClientConnection) -> None:
        self._address = address
        self._connection = connection

    async def run(self, script: str, given: bytes, seconds: float) -> bytes:
        """Have `sh` run a script; what it says, whatever its status.

        Args:
            given: what is on its standard input.

        Raises:
            ConnectFailure: it has not ended within the given seconds, or the connection broke.
        """
        command = f"sh -c {shlex.quote(script)}"
        try:
            async with asyncio.timeout(seconds):
                done = await self._connection.run(command, input=given, encoding=None)
        except TimeoutError as error:
            told = f"{self._address.host} did not tell what was asked within {seconds:g} s."
            raise HostUnreachable(self._address, told) from error
        except (OSError, asyncssh.Error) as error:
            raise broken(self._address, error) from error
        return done.stdout if isinstance(done.stdout, bytes) else b""

    async def dial(self, address: SshAddress, seconds: float) -> Line:
        """Connect to a monitor there, which the caller has to close.

        Raises:
            ConnectFailure: there is no line within the given seconds.
        """
        keep_off(address)
        connection = self._connection
        try:
            async with asyncio.timeout(seconds):
                ends = await open_ends(address, connection)
        except asyncssh.ChannelOpenError as error:
            if connection.is_closed():
                raise broken(address, error) from error
            raise not_forwarded(address, error) from error
        except TimeoutError as error:
            raise not_in_time(address, seconds) from error
        except (OSError, asyncssh.Error) as error:
            raise broken(address, error) from error
        return line_over(address, connection, ends, ends[1].wait_closed)


@contextlib.asynccontextmanager
async def logged_in(address: SshAddress, seconds: float) -> AsyncIterator[LoggedIn]:
    """Log in on a host for a while; a monitor of it does not count.

    Raises:
        ConnectFailure: this is not done within the given seconds, or a host is not to be trusted.
    """
    login = Login(address)

    async def stay(there: asyncssh.SSHClientConnection) -> LoggedIn:
        return LoggedIn(address, there)

    _, host = await arrive(login, seconds, stay)
    try:
        yield host
    finally:
        await login.end()
