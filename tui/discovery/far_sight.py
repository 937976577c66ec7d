"""Where the monitors of another host's QEMUs are, and who is connected to them, by one look."""

import os
from collections.abc import Callable, Collection

from tui.discovery.command_line import MonitorOption, read_command_line
from tui.discovery.far_look import FarHost, FarProcess
from tui.discovery.judging import port_of
from tui.discovery.models import Holder, Kind
from tui.discovery.processes import Found, kind_of
from tui.discovery.sockets import UnixSocket
from tui.host.process import QemuProcess
from tui.qmp.address import MAX_SOCKET_PATH, TcpAddress


class FarSight:
    """What a look has shown of sockets.

    Args:
        wanted: the processes to look at, by id.

    Attributes:
        host: the look.
        found: its QEMUs, by pid, as those of this host would be described.
        processes: their processes.
    """

    def __init__(self, host: FarHost, wanted: Callable[[int], bool]) -> None:
        self.host = host
        qemus = (p for p in host.processes if kind_of(p.cmdline) and wanted(p.pid))
        self.found = {p.pid: _found(p) for p in qemus}
        self.processes = {p.pid: p for p in host.processes if p.pid in self.found}

    def path_of(self, option: MonitorOption, pid: int) -> tuple[str | None, str]:
        """A monitor's path there; without one, the end of a sentence about it says why not."""
        process, line = self.processes[pid], self.found[pid].line
        if option.obstacle:
            return None, option.obstacle
        path = option.path
        if option.tls and option.port is None:
            return None, "takes TLS on a socket that no address leads to"
        if option.fd is not None:
            inode = (process.sockets or {}).get(option.fd)
            named = (s.name for s in self.host.unix or () if s.inode == inode and s.name)
            path = next(named, None)
            if path is None:
                return None, f"was handed to QEMU as {option.text}, and its path cannot be seen"
        if path is None:
            return None, "has no path"
        if not path.startswith("/"):
            if process.cwd is None or line.daemonized:
                return None, "has a path in a directory of QEMU's that is not known"
            path = os.path.normpath(f"{process.cwd}/{path}")
        if process.own_files:
            # A container's file system is reached through its process, by root.
            path = f"/proc/{pid}/root{path}"
        if not can_be_asked_for(path):
            return None, f"has a path of more than {MAX_SOCKET_PATH} bytes, or one that is no text"
        return path, ""

    def listener(
        self, names: Collection[str], process: FarProcess | None
    ) -> tuple[UnixSocket | None, Holder | None]:
        """The socket that takes connections under one of these names, and who is served by it.

        A relative name is that of any process in whatever directory, so that those of the process
        itself count where it shows them.
        """
        own = None if process is None or process.sockets is None else process.sockets.values()
        ours = [
            sock
            for sock in self.host.unix or ()
            if sock.name in names and (own is None or sock.inode in own or _waits(sock))
        ]
        listener = next((sock for sock in ours if sock.listening), None)
        # One that waits has no inode; the one that is served has.
        others = (sock for sock in ours if not sock.listening)
        served = max(others, key=lambda sock: sock.inode, default=None)
        if listener is None or served is None:
            return listener, None
        client = self.host.clients.get(served.inode)
        if client is None or client.pid is None:
            return listener, Holder()
        user = self.host.users.get(client.pid)
        return listener, Holder(pid=client.pid, program=client.program, user=user)

    def port_of(self, option: MonitorOption, process: FarProcess) -> tuple[TcpAddress | None, str]:
        """A monitor's port there; without one, the end of a sentence about it says why not."""
        if process.own_network:
            return None, "listens in a network namespace of its own"
        return port_of(option.host or "", option.port or "", process.pid, self.host.tcp)

    def caller(self, port: int, process: FarProcess) -> Holder | None:
        """Who is connected to a port that a process listens on; None if nobody is."""
        caller = self.host.tcp.caller(port, process.pid)
        if caller is None:
            return None
        pid, place = caller
        if pid is None:
            return Holder(program=place)
        return Holder(pid=pid, program=self.host.programs.get(pid), user=self.host.users.get(pid))


def _waits(sock: UnixSocket) -> bool:
    """Whether it is a connection that nobody has accepted yet, by a name that is one process's."""
    return sock.inode == 0 and sock.name.startswith("/")


def can_be_asked_for(path: str) -> bool:
    """Whether a path can be that of a socket, and be said to another host."""
    try:
        return len(path.encode()) <= MAX_SOCKET_PATH and "\n" not in path
    except UnicodeEncodeError:
        return False


def _found(process: FarProcess) -> Found:
    """A process of another host as one of this would be described."""
    return Found(
        process=QemuProcess(
            pid=process.pid,
            created=process.started,
            name="",
            cmdline=process.cmdline,
            uid=process.uid,
            gid=0,
            groups=(),
            cwd=process.cwd,
            same_mount_namespace=None if process.own_files is None else not process.own_files,
            overrides_permissions=False,
        ),
        kind=kind_of(process.cmdline) or Kind.VM,
        line=read_command_line(process.cmdline),
        stopped=process.state in ("T", "t"),
    )
