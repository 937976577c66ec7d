"""One look at this host's processes, sockets and files. It blocks, so it runs in a thread."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from tui.discovery.holders import TcpTable, has_own_network, owners
from tui.discovery.judging import Sight, judge, judge_option
from tui.discovery.managers import manager_of
from tui.discovery.models import FoundDisk, FoundMonitor, FoundVm, Kind, Manager, MonitorState
from tui.discovery.places import Place, find_sockets, is_like_a_monitor
from tui.discovery.processes import Found, find_processes, user_name
from tui.discovery.sockets import SocketTable
from tui.discovery.strangers import with_its_maker
from tui.discovery.through_libvirt import leads_to, monitor_through_libvirt
from tui.qmp.address import (
    LibvirtAddress,
    MonitorAddress,
    SshAddress,
    TcpAddress,
    TlsAddress,
    UnixAddress,
    caution,
)
from tui.qmp.reserved import manager_of_path

_FORWARDERS = ("qemu", "ssh", "socat")
"""Programs whose sockets may lead to a monitor; the beginnings of their names."""


class Survey:
    """What a look has found, before anything was connected to.

    Args:
        wanted: the processes to look at, by id.
        used: addresses of monitors that the operator has used or named.

    Attributes:
        processes: the QEMUs, by the key of their VM.
        vms: a VM for each of them.
    """

    def __init__(self, wanted: Callable[[int], bool], used: Sequence[MonitorAddress] = ()) -> None:
        self._used = tuple(used)
        self.processes = {_key(found): found for found in find_processes(wanted)}
        self._sight = _see()
        unix = self._sight.unix
        self._listeners = [s for s in unix.sockets if s.listening and s.name.startswith("/")]
        self.vms = tuple(self._vm(key, found) for key, found in self.processes.items())

    def see_again(self, vms: Iterable[FoundVm]) -> tuple[FoundVm, ...]:
        """These VMs with each monitor in doubt judged by what the kernel shows now."""
        self._sight = _see()
        return tuple(self._again(vm) for vm in vms)

    def _again(self, vm: FoundVm) -> FoundVm:
        found = self.processes.get(vm.key)
        sight = self._sight_of(found) if found else self._sight
        monitors = (judge(m.bare, sight, found) if m.doubtful else m for m in vm.monitors)
        vm = vm.model_copy(update={"monitors": tuple(monitors)})
        address = vm.monitors[0].address if vm.kind is Kind.SOCKET else None
        return with_its_maker(vm, address.path) if isinstance(address, UnixAddress) else vm

    def _sight_of(self, found: Found) -> Sight:
        """What is to be seen of a process, which may have a network of its own."""
        if not has_own_network(found.process.pid):
            return self._sight
        theirs = SocketTable.of_process(found.process.pid)
        return replace(self._sight, unix=self._sight.unix.joined(theirs))

    def _vm(self, key: str, found: Found) -> FoundVm:
        process, line, sight = found.process, found.line, self._sight_of(found)
        monitors = [self._as_used(judge_option(option, found, sight)) for option in line.monitors]
        known = {address_key(m.address) for m in monitors}
        known |= {_file(Path(path)) for path in line.other_sockets}
        monitors += [
            self._open_socket(path, found)
            for path in self._sockets_of(process.pid)
            if is_like_a_monitor(path) and _file(path) not in known
        ]
        manager = manager_of(line)
        if manager is Manager.LIBVIRT:
            given = monitor_through_libvirt(found, self._used)
            monitors += [given] if given is not None else []
        return FoundVm(
            key=key,
            kind=found.kind,
            name=line.name,
            uuid=line.uuid,
            pid=process.pid,
            started=process.created,
            user=user_name(process.uid),
            manager=manager,
            disks=tuple(FoundDisk(file=file) for file in line.disks),
            monitors=tuple(monitors),
            notes=tuple(_notes(found)),
        )

    def _as_used(self, monitor: FoundMonitor) -> FoundMonitor:
        """A monitor at a port by the operator's address for it, which may name certificates."""
        if not isinstance(monitor.address, TcpAddress | TlsAddress):
            return monitor
        key = address_key(monitor.address)
        used = next((a for a in self._used if address_key(a) == key), monitor.address)
        return monitor.model_copy(update={"address": used})

    def _sockets_of(self, pid: int) -> Iterable[Path]:
        owner = self._sight.owner_of
        return (Path(s.name) for s in self._listeners if owner.get(s.inode) == pid)

    def _open_socket(self, path: Path, found: Found) -> FoundMonitor:
        """A socket of a QEMU that its command line does not tell of."""
        address = UnixAddress(path=path)
        bare = FoundMonitor(source="open socket", text=str(path), address=address)
        return judge(bare, self._sight, found)

    def lone_sockets(self, places: tuple[Place, ...]) -> tuple[FoundVm, ...]:
        """The sockets in these places that look like monitors and belong to no VM that is seen."""
        known = {m.address.path for m in self._monitors() if isinstance(m.address, UnixAddress)}
        other = {path for found in self.processes.values() for path in found.line.other_sockets}
        files = {_file(path) for path in known} | {_file(Path(path)) for path in other}
        lone = []
        for path in find_sockets(places):
            if _file(path) not in files and self._may_be_one(path):
                monitor = FoundMonitor(
                    source="socket file", text=str(path), address=UnixAddress(path=path)
                )
                lone.append(self._lone_socket(monitor, path))
        return tuple(lone)

    def unseen(self, vms: Iterable[FoundVm]) -> tuple[FoundVm, ...]:
        """The monitors used before that are not among those of these VMs."""
        known = {address_key(m.address) for vm in vms for m in vm.monitors}
        return tuple(
            self._recent(address)
            for address in self._used
            if address_key(address) not in known
            and not any(leads_to(address, found) for found in self.processes.values())
        )

    def _lone_socket(self, monitor: FoundMonitor, path: Path) -> FoundVm:
        return with_its_maker(_lone(judge(monitor, self._sight)), path)

    def _recent(self, address: MonitorAddress) -> FoundVm:
        bare = FoundMonitor(source="used before", text=str(address), address=address, recent=True)
        if isinstance(address, UnixAddress):
            return self._lone_socket(bare, address.path)
        told = {"state": MonitorState.NOT_ASKED, "sentence": _why_not_asked(address).rstrip()}
        return _lone(bare.model_copy(update=told))

    def _monitors(self) -> Iterable[FoundMonitor]:
        return (monitor for vm in self.vms for monitor in vm.monitors)

    def _may_be_one(self, path: Path) -> bool:
        """Whether what serves a socket may be a monitor; connecting to others could do things."""
        listener = self._sight.unix.listener(path)
        pid = self._sight.owner_of.get(listener.inode) if listener else None
        if pid is None:
            return True
        try:
            process = psutil.Process(pid)
            program = Path(next(iter(process.cmdline()), "")).name
            return process.name().startswith(_FORWARDERS) or program.startswith(_FORWARDERS)
        except psutil.Error:
            return True


def _see() -> Sight:
    return Sight(SocketTable.read(), TcpTable.read(), owners())


def address_key(address: MonitorAddress | None) -> object:
    """The same for two addresses that lead to the same monitor, as far as that can be told."""
    match address:
        case UnixAddress():
            return _file(address.path)
        case TcpAddress() | TlsAddress():
            return type(address), _at_home(address.host), address.port
    return str(address)


def _at_home(host: str) -> str:
    """A host, the same for both ways to write this one."""
    return "127.0.0.1" if host.casefold() == "localhost" else host


def _why_not_asked(address: MonitorAddress) -> str:
    """What keeps a look from asking at an address that no process here is known to serve."""
    match address:
        case LibvirtAddress(local=True):
            return f"No running domain of this host is seen to be this one. {caution(address)}"
        case LibvirtAddress():
            return f"It is another host's, which is not asked by a look. {caution(address)}"
        case SshAddress():
            return "It is another host's, which is not asked by a look."
    return "Whose monitor it is shows when it is connected to; a look does not try that."


def _file(path: Path) -> tuple[int, int] | str:
    try:
        status = path.stat()
    except OSError:
        return os.path.normpath(path)
    return status.st_dev, status.st_ino


def _key(found: Found) -> str:
    return f"{found.process.pid}@{found.process.created}"


def _lone(monitor: FoundMonitor) -> FoundVm:
    manager = manager_of_path(str(monitor.address))
    key = f"at {monitor.address}"
    return FoundVm(key=key, kind=Kind.SOCKET, manager=manager, monitors=(monitor,))


def _notes(found: Found) -> Iterable[str]:
    for config in found.line.configs:
        yield f"It reads more options from {config} (-readconfig), which may define monitors."
    if found.process.same_mount_namespace is False:
        yield "It has a file system of its own, as in a container: paths lead through its process."
