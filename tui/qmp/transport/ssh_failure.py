"""What went wrong on the way over SSH, in words."""

import asyncio
import socket
import stat

import asyncssh

from tui.qmp.address import SshAddress, TcpAddress
from tui.qmp.errors import (
    ConnectFailure,
    HostUnknown,
    HostUnreachable,
    LoginRefused,
    NobodyListens,
    NoSuchSocket,
    NotASocket,
    NotResponding,
    PermissionRefused,
    WayNotServed,
)
from tui.qmp.names import NameServerSilent
from tui.qmp.transport.ssh_stranger import Shown, by_hand, stranger

_LOOK_SECONDS = 3.0

_FORWARDING = (
    "sshd, too, must let this user connect to sockets: AllowStreamLocalForwarding and "
    "AllowTcpForwarding yes, no PermitOpen, and no restrict on the key."
)
"""Also where it forbids only ports, it connects to no socket (OpenSSH 9.2)."""


def failure_of(
    error: Exception, address: SshAddress, place: SshAddress, shown: Shown, seconds: float
) -> ConnectFailure:
    """Why `place`, which is on the way to `address` or the host itself, is not connected to."""
    host = place.host
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return stranger(address, place, error, shown)
        case asyncssh.PermissionDenied():
            return LoginRefused(
                address,
                f"{host} accepts none of the keys for {place.login}.",
                "The keys of the agent and those of ~/.ssh were offered; nobody is asked for a "
                f"password. See whether this works without one: {by_hand(place)}",
            )
        case asyncssh.Error():
            return HostUnreachable(address, f"No SSH connection to {host}: {error.reason}.")
        case NameServerSilent():
            return HostUnknown(address, f"{error}.")
        case socket.gaierror():
            return HostUnknown(
                address, f"The host {host} is unknown.", "Check the name, or give its address."
            )
        case ConnectionRefusedError():
            return WayNotServed(address, f"No SSH server listens on {_where(place)}.")
        case TimeoutError():
            return HostUnreachable(
                address,
                f"{host} did not let BlockDeck in within {seconds:g} s.",
                "The host may be down, or a firewall drops the connection.",
            )
        case OSError():
            return HostUnreachable(
                address, f"{host} cannot be reached over SSH: {error.strerror or error}."
            )
    return ConnectFailure(
        address,
        f"The SSH configuration cannot be used: {error}.",
        "Look at the files in ~/.ssh and /etc/ssh.",
    )


async def no_way_to_the_socket(
    address: SshAddress, connection: asyncssh.SSHClientConnection
) -> ConnectFailure:
    """Why a login cannot connect to a socket: sshd does not say, what is at the path tells most."""
    host, path = address.host, address.path
    try:
        async with asyncio.timeout(_LOOK_SECONDS), connection.start_sftp_client() as files:
            found = await files.stat(path)
    except asyncssh.SFTPNoSuchFile:
        return NoSuchSocket(
            address,
            f"There is no socket {path} on {host}.",
            "The VM may not run; the path is the one in its -qmp option.",
        )
    except asyncssh.SFTPPermissionDenied:
        return PermissionRefused(address, f"{address.login} may not look at {path} on {host}.")
    except (asyncssh.Error, OSError):
        return NobodyListens(
            address,
            f"{host} cannot connect to {path}.",
            "It is not there, or nobody listens on it, or it belongs to someone else. "
            + _FORWARDING,
        )
    mode = found.permissions or 0
    if not stat.S_ISSOCK(mode):
        return NotASocket(address, f"{path} on {host} is no socket.")
    return NobodyListens(
        address,
        f"{address.login} cannot connect to {path} on {host}.",
        "The QEMU that made it has ended, or does not let this user in: the socket belongs "
        f"to user {found.uid}, group {found.gid}, with mode {stat.filemode(mode)}. {_FORWARDING}",
    )


def broken(address: SshAddress, error: Exception) -> HostUnreachable:
    """The connection to a host that had let us in is no more."""
    told = error.reason if isinstance(error, asyncssh.Error) else error
    return HostUnreachable(address, f"The SSH connection to {address.host} was lost: {told}.")


def no_way_to_the_port(
    address: SshAddress, port: TcpAddress, error: asyncssh.ChannelOpenError
) -> ConnectFailure:
    """Why sshd did not connect to a port: it tells, unlike of a socket."""
    host = address.host
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        return PermissionRefused(
            address,
            f"sshd on {host} does not let this user connect to {port}.",
            "sshd must forward for this user: AllowTcpForwarding yes, no PermitOpen without this "
            "port, and no restrict on the key.",
        )
    if error.reason == "Connection refused":
        return NobodyListens(
            address,
            f"Nobody listens on {port} on {host}.",
            "The VM may not run; host and port are those in its -qmp option, as seen from there.",
        )
    return NotResponding(address, f"{host} cannot connect to {port}: {error.reason}.")


def not_in_time(address: SshAddress, seconds: float) -> NotResponding:
    """The host lets us in, and comes to no end with its own connecting."""
    return NotResponding(
        address, f"{address.host} did not connect to {address.inside} within {seconds:g} s."
    )


def not_forwarded(address: SshAddress, error: asyncssh.ChannelOpenError) -> ConnectFailure:
    """Sshd did not connect to a monitor that seems to be open to this user."""
    if address.tcp is not None:
        return no_way_to_the_port(address, address.tcp, error)
    return NotResponding(
        address,
        f"sshd on {address.host} did not connect {address.login} to it.",
        f"More clients than its queue takes may wait there. {_FORWARDING}",
    )


def _where(address: SshAddress) -> str:
    return address.host if address.port is None else f"port {address.port} of {address.host}"
