"""How each monitor stands, told without connecting to it."""

import contextlib
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from tui.discovery.command_line import MonitorOption
from tui.discovery.holders import TcpTable, has_own_network, holder, socket_behind
from tui.discovery.managers import manager_of_monitor
from tui.discovery.models import FoundMonitor, Holder, Manager, MonitorState
from tui.discovery.processes import Found, user_name
from tui.discovery.sockets import SocketTable, UnixSocket
from tui.qmp.address import MAX_SOCKET_PATH, MonitorAddress, TcpAddress, TlsAddress, UnixAddress
from tui.qmp.reserved import manager_of_path, meaning
from tui.qmp.transport.unix import refused_permission

_ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
_UNTRIED = (
    "It takes TLS alone: whether it is who it should be, and lets you in, shows when it is "
    "connected to; a look does not try that."
)
_UNTRIED_WAITING = " QEMU may be waiting there for it (wait=on): connecting would start the VM."


@dataclass(frozen=True)
class Sight:
    """What the kernel shows at one moment; `owner_of` are processes by the inode of a socket."""

    unix: SocketTable
    tcp: TcpTable
    owner_of: dict[int, int]

    def holder_of(self, listener: UnixSocket) -> Holder | None:
        """Who is served by a listening socket, or waits to be; None if nobody is."""
        clients = self.unix.clients(listener)
        if not clients:
            return None
        # One that is not accepted yet has no inode; the one that is served has.
        served = max(clients, key=lambda client: client.inode)
        peer = self.unix.by_inode(served.peer)
        pid = self.owner_of.get(served.peer) if served.peer else None
        return holder(pid, peer.uid if peer else None)


def judge_option(option: MonitorOption, found: Found, sight: Sight) -> FoundMonitor:
    """How a monitor of a command line stands."""
    address, obstacle = where_is(option, found, sight)
    path = str(address.path) if isinstance(address, UnixAddress) else None
    bare = FoundMonitor(source=option.source, text=option.text, address=address, waits=option.waits)
    manager = manager_of_monitor(option, path)
    if manager is not None:
        return _managed(bare, manager, sight)
    if obstacle or address is None:
        return bare.model_copy(
            update={
                "address": None,
                "state": MonitorState.NO_ADDRESS,
                "sentence": f"It {obstacle}: there is nothing to connect to.",
            }
        )
    return judge(bare, sight, found)


def judge(bare: FoundMonitor, sight: Sight, found: Found | None = None) -> FoundMonitor:
    """How a monitor stands by what the kernel shows; "looking" where only connecting tells."""
    if isinstance(bare.address, UnixAddress):
        judged = _judge_unix(bare, bare.address, sight)
    elif isinstance(bare.address, TcpAddress | TlsAddress) and found is not None:
        judged = _judge_tcp(bare, bare.address, found.process.pid, sight)
    else:
        judged = bare
    stopped = found is not None and found.stopped
    open_to_us = (MonitorState.FREE, MonitorState.LOOKING, MonitorState.NOT_ASKED)
    if stopped and found and judged.state in open_to_us:
        return _told(
            judged,
            MonitorState.SILENT,
            f"The process {found.process.pid} is stopped (SIGSTOP, or a debugger): "
            "it answers nothing.",
            f"Let it go on with: kill -CONT {found.process.pid}",
        )
    return judged


def _judge_unix(bare: FoundMonitor, address: UnixAddress, sight: Sight) -> FoundMonitor:
    manager = manager_of_path(str(address.path))
    if manager is not None:
        return _managed(bare, manager, sight)
    if _is_barred(address.path):
        refused = refused_permission(address)
        return _told(bare, MonitorState.NO_PERMISSION, refused.sentence, refused.advice)
    listener = sight.unix.listener(address.path)
    if listener is None:
        # Dead, or it listens where this table does not reach: connecting tells, and disturbs none.
        return bare
    client = sight.holder_of(listener)
    return _busy(bare, client) if client else _told(bare, MonitorState.FREE)


def _judge_tcp(
    bare: FoundMonitor, address: TcpAddress | TlsAddress, pid: int, sight: Sight
) -> FoundMonitor:
    if sight.tcp.listens(address.port):
        client = sight.tcp.client(address.port, pid)
        if client:
            return _busy(bare, client)
        bare = _told(bare, MonitorState.FREE)
    if isinstance(address, TlsAddress):
        waiting = _UNTRIED_WAITING if bare.waits else ""
        return _told(bare, MonitorState.NOT_ASKED, f"{_UNTRIED}{waiting}")
    return bare


def _is_barred(path: Path) -> bool:
    """Whether this user may not connect to a socket that is there, or not even see it."""
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return not os.access(path, os.W_OK, effective_ids=True)


def _managed(bare: FoundMonitor, manager: Manager, sight: Sight) -> FoundMonitor:
    listener = None
    if isinstance(bare.address, UnixAddress):
        listener = sight.unix.listener(bare.address.path)
    client = sight.holder_of(listener) if listener else None
    held = f" Held by {who(client)}." if client else ""
    told = _told(bare, MonitorState.MANAGED, f"{meaning(manager)}{held}")
    return told.model_copy(update={"holder": client})


def _busy(bare: FoundMonitor, client: Holder) -> FoundMonitor:
    held = bare.model_copy(update={"holder": client})
    if held.ours:
        return _told(held, MonitorState.BUSY, "This very BlockDeck is connected to it.")
    advice = "End that client, or give the VM one more monitor."
    return _told(held, MonitorState.BUSY, f"Held by {who(client)}.", advice)


def who(client: Holder) -> str:
    """A holder in words; the name of a program is foreign text."""
    if client.pid is not None and client.program is not None:
        return f"{client.program} (pid {client.pid}, user {client.user})"
    if client.pid is not None:
        return f"process {client.pid}"
    if client.program is not None:
        return f"{client.program}, which is not on the VM's host or cannot be seen"
    if client.user is not None:
        return f"a process of the user {client.user}"
    return "another client, which cannot be seen from here"


def _told(
    bare: FoundMonitor, state: MonitorState, sentence: str = "", advice: str = ""
) -> FoundMonitor:
    return bare.model_copy(update={"state": state, "sentence": sentence, "advice": advice})


# --- where it is --------------------------------------------------------------------------------


def where_is(
    option: MonitorOption, found: Found, sight: Sight
) -> tuple[MonitorAddress | None, str]:
    """How to connect to a monitor; without a way, the end of a sentence about it says why not."""
    if option.obstacle:
        return None, option.obstacle
    if option.fd is not None:
        return _by_number(option, found, sight)
    if option.path is not None:
        return _by_path(option.path, found)
    return _by_port(option, found, sight)


def _by_number(
    option: MonitorOption, found: Found, sight: Sight
) -> tuple[MonitorAddress | None, str]:
    directory = found.line.libvirt_directory
    inode = socket_behind(found.process.pid, option.fd or "")
    sock = sight.unix.by_inode(inode)
    if sock is not None and sock.name:
        return _by_path(sock.name, found)
    if directory:
        return UnixAddress(path=Path(directory) / "monitor.sock"), ""
    user = user_name(found.process.uid)
    if inode is None:
        return None, f"was handed to QEMU as {option.text}; which socket, {user} and root can see"
    return None, f"was handed to QEMU as {option.text} and has no path"


def _by_path(path: str, found: Found) -> tuple[MonitorAddress | None, str]:
    process = found.process
    if not path.startswith("/"):
        if process.cwd is None or found.line.daemonized:
            return None, "has a path in a directory that QEMU was started in and that is not known"
        path = f"{process.cwd}/{path}"
        if process.same_mount_namespace is not False:
            # As it is told and reached: shorter, for a socket's path may not be long.
            path = str(Path(path).parent.resolve() / Path(path).name)
    if process.same_mount_namespace is False:
        # A container's file system is reached through its process, by root.
        path = f"/proc/{process.pid}/root{path}"
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        return None, f"has a path of more than {MAX_SOCKET_PATH} bytes"
    return UnixAddress(path=Path(path)), ""


def _by_port(
    option: MonitorOption, found: Found, sight: Sight
) -> tuple[MonitorAddress | None, str]:
    if has_own_network(found.process.pid):
        return None, "listens in a network namespace of its own"
    port = option.port or ""
    if not port.isdigit():
        # A service that this host has no name for leaves the port unknown.
        with contextlib.suppress(OSError):
            port = str(socket.getservbyname(port, "tcp"))
    tcp, obstacle = port_of(option.host or "", port, found.process.pid, sight.tcp)
    if option.tls and tcp is not None:
        # A certificate is made for a name, and hardly for the address of the loopback.
        host = "localhost" if option.host in (None, *_ANY) else tcp.host
        return TlsAddress(host=host, port=tcp.port), ""
    return tcp, obstacle


def port_of(host: str, port: str, pid: int, table: TcpTable) -> tuple[TcpAddress | None, str]:
    """Where a process takes connections, as seen from its host; without it, why it is not told."""
    number = int(port) if re.fullmatch("[0-9]{1,5}", port) else None
    if number == 0:
        # QEMU has let the kernel choose.
        chosen = table.ports_of(pid)
        if len(chosen) != 1:
            return None, "has a port that the kernel chose and that cannot be told from here"
        number = chosen[0]
    if number is None or not 1 <= number <= 65535:
        return None, "has a port that is no number"
    return TcpAddress(host=_ANY.get(host, host), port=number), ""
