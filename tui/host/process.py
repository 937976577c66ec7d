"""The QEMU process behind a monitor, where it runs on this host."""

import ipaddress
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

from tui.alive import is_alive


class QemuProcess(BaseModel):
    """A QEMU on this host, and the user whose rights it has.

    `uid`, `gid` and `groups` are those that count for files. `same_mount_namespace` tells whether a
    path means the same file for it and for us; None is "cannot be told". `overrides_permissions` is
    whether it may pass over the permissions of files, as root mostly may. `created` tells it from
    a later process with the same pid.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    pid: int
    created: float
    name: str
    cmdline: tuple[str, ...]
    uid: int
    gid: int
    groups: tuple[int, ...]
    cwd: str | None
    same_mount_namespace: bool | None
    overrides_permissions: bool

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return is_alive(self.pid, self.created)


def qemu_process(pid: int | None) -> QemuProcess | None:
    """The QEMU with this process id; None if there is none, or it is something else.

    What holds the other end of a monitor's socket may also be an SSH tunnel or a proxy.
    """
    return process_if(pid, is_qemu) if pid is not None and pid > 0 else None


def process_if(pid: int, wanted: Callable[[str, tuple[str, ...]], bool]) -> QemuProcess | None:
    """The process with this id, if its name and command line are wanted and it can be seen."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            name, cmdline = process.name(), tuple(process.cmdline())
            if not wanted(name, cmdline):
                return None
            return _describe(process, name, cmdline)
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return None


def is_qemu(name: str, cmdline: tuple[str, ...]) -> bool:
    """Whether a process with this name and command line is a QEMU system emulator."""
    program = Path(cmdline[0]).name if cmdline else name
    return any(word.startswith(("qemu-system", "qemu-kvm", "kvm")) for word in (program, name))


def _describe(process: psutil.Process, name: str, cmdline: tuple[str, ...]) -> QemuProcess:
    status = _status(process.pid)
    uid, gid = (int(status[key].split()[3]) for key in ("Uid", "Gid"))
    groups = tuple(int(word) for word in status.get("Groups", "").split())
    return QemuProcess(
        pid=process.pid,
        created=process.create_time(),
        name=name,
        cmdline=cmdline,
        uid=uid,
        gid=gid,
        groups=groups,
        cwd=_cwd(process),
        same_mount_namespace=_same_mounts(process.pid),
        overrides_permissions=bool(int(status.get("CapEff", "0"), 16) & _CAP_DAC_OVERRIDE),
    )


_CAP_DAC_OVERRIDE = 1 << 1


def _status(pid: int) -> dict[str, str]:
    """The fields of `/proc/PID/status`; the fourth of Uid and Gid are those that files see."""
    lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _cwd(process: psutil.Process) -> str | None:
    try:
        return process.cwd()
    except psutil.AccessDenied:
        return None


def _same_mounts(pid: int) -> bool | None:
    """Whether a process sees the file system we see.

    A mount has the same id in no two namespaces, and a changed root hides some, so equal lists of
    ids mean equal views; unlike the namespace itself they can be read of another user's process.
    Mounting goes on meanwhile, so an unequal pair is read once more.
    """
    for _ in range(2):
        try:
            theirs, ours = _mount_ids(str(pid)), _mount_ids("self")
        except OSError:
            return None
        if theirs == ours:
            return True
    return False


def _mount_ids(pid: str) -> frozenset[str]:
    lines = Path(f"/proc/{pid}/mountinfo").read_text(errors="replace").splitlines()
    return frozenset(line.partition(" ")[0] for line in lines)


def listener_pid(addresses: Iterable[str], port: int) -> int | None:
    """The process on this host that listens on one of these addresses; None if it is not to tell.

    Only an address of the loopback interface is surely this host. Another user's process is told to
    root alone.
    """
    loopback = {address for address in addresses if ipaddress.ip_address(address).is_loopback}
    if not loopback:
        return None
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return None
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or not connection.laddr:
            continue
        if connection.laddr.port != port:
            continue
        listening = ipaddress.ip_address(connection.laddr.ip)
        if listening.is_unspecified or str(listening) in loopback:
            return connection.pid
    return None


def holder_pid(path: Path) -> int | None:
    """The one process on this host that serves a socket of the file system; None if not to tell.

    The peer of such a socket is told to be the process that began to listen on it, which may be a
    manager that handed it to QEMU.
    """
    try:
        connections = psutil.net_connections("unix")
    except psutil.AccessDenied:
        return None
    # psutil's types know of addresses of the Internet alone.
    pids = {connection.pid for connection in connections if str(connection.laddr) == str(path)}
    return pids.pop() if len(pids) == 1 else None
