"""Whose sockets are whose, and who is connected over TCP, as far as this user can see it."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from tui.discovery.models import Holder
from tui.discovery.processes import user_name


def has_own_network(pid: int) -> bool:
    """Whether a process is surely in another network namespace than this one."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    return False


def socket_behind(pid: int, fd: str) -> int | None:
    """The inode of the socket that a process has under a number; None if it cannot be seen."""
    if not (fd.isascii() and fd.isdigit()):
        return None
    with contextlib.suppress(OSError):
        return _inode(Path(f"/proc/{pid}/fd/{fd}").readlink())
    return None


def owners() -> dict[int, int]:
    """The processes that have sockets open, by the inode of the socket, as far as can be seen.

    Of a socket that several have open, any of them is told.
    """
    found: dict[int, int] = {}
    for pid in psutil.pids():
        with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as numbers:
            for number in numbers:
                with contextlib.suppress(OSError):
                    inode = _inode(Path(number.path).readlink())
                    if inode is not None:
                        found.setdefault(inode, pid)
    return found


def _inode(link: Path) -> int | None:
    number = str(link).removeprefix("socket:[").removesuffix("]")
    return int(number) if str(link).startswith("socket:[") and number.isdigit() else None


def holder(pid: int | None, uid: int | None = None) -> Holder:
    """Who a process is; without one, whose socket it is."""
    if pid is not None:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            with process.oneshot():
                return Holder(
                    pid=pid, program=process.name(), user=user_name(process.uids().effective)
                )
    return Holder(pid=pid, user=user_name(uid) if uid is not None else None)


@dataclass(frozen=True, slots=True)
class TcpTable:
    """The TCP connections of this network namespace at one moment."""

    connections: tuple[tuple[str, int, str, int, str, int | None], ...] = ()
    """Local address and port, remote address and port, status, process."""

    @classmethod
    def read(cls) -> "TcpTable":
        """Ask psutil; without the right to, there are none."""
        rows = []
        with contextlib.suppress(psutil.Error, OSError):
            for row in psutil.net_connections("tcp"):
                if row.laddr:
                    remote = (row.raddr.ip, row.raddr.port) if row.raddr else ("", 0)
                    rows.append((row.laddr.ip, row.laddr.port, *remote, row.status, row.pid))
        return cls(tuple(rows))

    def listens(self, port: int) -> bool:
        """Whether anybody takes connections at a port."""
        return any(r[1] == port and r[4] == psutil.CONN_LISTEN for r in self.connections)

    def ports_of(self, pid: int) -> list[int]:
        """The ports that a process takes connections at."""
        return sorted({r[1] for r in self.connections if r[4:] == (psutil.CONN_LISTEN, pid)})

    def client(self, port: int, server: int) -> Holder | None:
        """Who of this host is connected to a port that a process listens on; None if nobody is."""
        caller = self.caller(port, server)
        if caller is None:
            return None
        pid, place = caller
        return holder(pid) if pid is not None else Holder(program=place)

    def caller(self, port: int, server: int) -> tuple[int | None, str] | None:
        """The process that is connected to such a port, and from where; None if none is."""
        for _, local, ip, remote, status, pid in self.connections:
            if local != port or status != psutil.CONN_ESTABLISHED or pid not in (server, None):
                continue
            if not any(r[1] == port and r[4] == psutil.CONN_LISTEN for r in self.connections):
                continue
            ours = (r[5] for r in self.connections if (r[0], r[1], r[3]) == (ip, remote, port))
            client = next(ours, None)
            return client, f"{ip}:{remote}"
        return None
