"""From an address to a line: each kind of address has its transport.

The transports that take libraries of their own, or time to import, are imported by whoever uses
them first.
"""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator
from types import ModuleType
from typing import TYPE_CHECKING

from tui.qmp.address import (
    LibvirtAddress,
    MonitorAddress,
    SshAddress,
    TcpAddress,
    TlsAddress,
    UnixAddress,
)
from tui.qmp.errors import NotInstalled
from tui.qmp.line import Line
from tui.qmp.transport.tcp import dial_tcp
from tui.qmp.transport.unix import dial_unix

if TYPE_CHECKING:
    from tui.qmp.transport.ssh_host import LoggedIn

LOGIN_SECONDS = 15.0
"""What logging in on another host may take, on top of the time for its monitor."""


async def dial(address: MonitorAddress, seconds: float) -> Line:
    """An open line to a monitor, which the caller has to close.

    Raises:
        ConnectFailure: there is none within the given seconds; logging in on another host may take
            `LOGIN_SECONDS` more.
    """
    match address:
        case UnixAddress():
            return dial_unix(address)
        case TcpAddress():
            return Line(await dial_tcp(address, seconds))
        case TlsAddress():
            from tui.qmp.transport.tls import dial_tls

            return await dial_tls(address, seconds)
        case SshAddress():
            await _imported(address, "tui.qmp.transport.ssh", "ssh")
            from tui.qmp.transport.ssh import dial_ssh

            return await dial_ssh(address, seconds + LOGIN_SECONDS)
        case LibvirtAddress():
            await _imported(address, "tui.qmp.transport.through_libvirt", "libvirt")
            from tui.qmp.transport.through_libvirt import dial_libvirt

            return await dial_libvirt(address, seconds + LOGIN_SECONDS, seconds)


@contextlib.asynccontextmanager
async def logged_in(address: SshAddress) -> AsyncIterator["LoggedIn"]:
    """Log in on a host for a while, which then runs scripts and connects to its sockets.

    Raises:
        ConnectFailure: this is not done within `LOGIN_SECONDS`.
    """
    await _imported(address, "tui.qmp.transport.ssh_host", "ssh")
    from tui.qmp.transport import ssh_host

    async with ssh_host.logged_in(address, LOGIN_SECONDS) as host:
        yield host


async def _imported(address: MonitorAddress, module: str, extra: str) -> ModuleType:
    """Import in a thread, for a library may take its time."""
    try:
        return await asyncio.to_thread(importlib.import_module, module)
    except ImportError as error:
        raise NotInstalled(
            address,
            f"This address needs a library that is not installed ({error}).",
            f"Install BlockDeck's extra, in its checkout: pipx install --force '.[{extra}]'",
        ) from error
