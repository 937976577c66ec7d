"""The VMs of another host as one look shows them, and how their monitors stand by it."""

import re
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import PurePosixPath

from tui.discovery.command_line import MonitorOption
from tui.discovery.far_look import FarFile, FarHost, FarProcess
from tui.discovery.far_sight import FarSight, can_be_asked_for
from tui.discovery.judging import who
from tui.discovery.managers import manager_of, manager_of_monitor, remedy_for
from tui.discovery.models import FoundDisk, FoundMonitor, FoundVm, Holder, Kind, MonitorState
from tui.discovery.places import is_like_a_monitor
from tui.discovery.processes import Found
from tui.qmp.address import LibvirtAddress, SshAddress, TcpAddress, TlsAddress
from tui.qmp.reserved import Manager, manager_of_path, meaning

_MOST_PORT = 65535


class FarSurvey:
    """What a look at another host has found, before any of its monitors was connected to.

    Attributes:
        paths: the files to look at before it can be told how the monitors stand.
        limit: what this user cannot see there, in a sentence; may be empty.
    """

    def __init__(
        self,
        place: SshAddress,
        host: FarHost,
        used: Collection[str],
        wanted: Callable[[int], bool],
    ) -> None:
        self._place = place
        self._host = host
        self._sight = FarSight(host, wanted)
        self._used = used
        self._files: dict[str, FarFile] = {}
        known = {
            path
            for pid, found in self._sight.found.items()
            for option in found.line.monitors
            if (path := self._sight.path_of(option, pid)[0])
        }
        other = {path for found in self._sight.found.values() for path in found.line.other_sockets}
        like = {
            path
            for path in host.files
            if is_like_a_monitor(PurePosixPath(path)) and can_be_asked_for(path)
        }
        self._lone = sorted(like - known - other)
        self.limit = ""
        if host.uid != 0:
            self.limit = (
                f"You are {host.user} there, not root: other users' VMs show no more than their "
                "command line, and their monitors' clients are not told."
            )
        self.paths = sorted(known | like - other)

    def vms(self, files: dict[str, FarFile]) -> tuple[FoundVm, ...]:
        """All of it, once the files were looked at."""
        self._files = files
        return (
            *(self._vm(pid) for pid in self._sight.found),
            *(self._socket(path) for path in self._lone),
        )

    def finished(self, vm: FoundVm) -> FoundVm:
        """One of them with what gives it a monitor to use, where it has none."""
        found = self._sight.found.get(vm.pid or 0)
        if found is None or vm.usable or any(m.state is MonitorState.LOOKING for m in vm.monitors):
            return vm
        taken = {m.address.path for m in vm.monitors if isinstance(m.address, SshAddress)}
        there = {*self._host.files, *self._files}
        return vm.model_copy(update={"remedy": remedy_for(found, taken, there.__contains__)})

    # --- VMs -------------------------------------------------------------------------------------

    def _vm(self, pid: int) -> FoundVm:
        found, process = self._sight.found[pid], self._sight.processes[pid]
        monitors = tuple(self._monitor(option, found, process) for option in found.line.monitors)
        return FoundVm(
            key=f"{pid}@{process.started} of {self._place}",
            kind=found.kind,
            name=found.line.name,
            uuid=found.line.uuid,
            pid=pid,
            started=time.time() - process.age,
            user=process.user,
            manager=manager_of(found.line),
            disks=tuple(FoundDisk(file=file) for file in found.line.disks),
            monitors=monitors,
            notes=tuple(_notes(found, process)),
        )

    def _monitor(self, option: MonitorOption, found: Found, process: FarProcess) -> FoundMonitor:
        path, obstacle = self._sight.path_of(option, process.pid)
        bare = self._bare(option.source, option.text, path, waits=option.waits)
        manager = manager_of_monitor(option, path) or self._manager_behind(path)
        if manager is not None:
            return self._managed(bare, manager, path, process)
        if option.port is not None and not option.obstacle:
            judged = self._at_port(bare, option, process)
        elif path is None:
            judged = _no_address(bare, obstacle)
        else:
            judged = self._judge(bare, path, {path, option.path or path}, process)
        if found.stopped and judged.state in (MonitorState.FREE, MonitorState.LOOKING):
            return _told(
                judged,
                MonitorState.SILENT,
                f"The process {process.pid} is stopped (SIGSTOP, or a debugger): "
                "it answers nothing.",
                f"Let it go on with: ssh {self._place.login} kill -CONT {process.pid}",
            )
        return judged

    def _at_port(
        self, bare: FoundMonitor, option: MonitorOption, process: FarProcess
    ) -> FoundMonitor:
        """How a monitor on a TCP port stands."""
        if option.tls:
            return self._over_tls(bare, option)
        tcp, obstacle = self._sight.port_of(option, process)
        if tcp is None:
            return _no_address(bare, obstacle)
        bare = self._bare(option.source, option.text, tcp, waits=option.waits)
        client = self._sight.caller(tcp.port, process)
        if client is not None:
            return _busy(bare, client)
        # Where nobody is seen to listen, the table was not told, or connecting tells.
        listens = self._host.tcp.listens(tcp.port)
        return _told(bare, MonitorState.FREE) if listens else bare

    def _judge(
        self, bare: FoundMonitor, path: str, names: Collection[str], process: FarProcess | None
    ) -> FoundMonitor:
        """How it stands by what the look has shown; "looking" where only connecting tells."""
        # Of a network of its own the kernel tells no sockets here.
        hidden = self._host.unix is None or (process is not None and bool(process.own_network))
        file, host = self._files.get(path), self._place.host
        listener, client = self._sight.listener(names, process)
        if file is None or not file.is_socket:
            if listener is None and not (process is not None and process.own_files):
                sentence = f"There is no socket {path} on {host} that {self._host.user} may see."
                return _told(bare, MonitorState.DEAD, sentence)
            sentence = f"{self._host.user} may not see {path} on {host}."
            return _told(bare, MonitorState.NO_PERMISSION, sentence, self._another_login())
        if not file.may_connect:
            sentence = (
                f"{self._host.user} may not connect to {path} on {host}: it belongs to "
                f"{file.owner}."
            )
            return _told(bare, MonitorState.NO_PERMISSION, sentence, self._another_login())
        if hidden:
            return bare
        if listener is None:
            sentence = f"Nobody listens on {path}: the QEMU that made this socket has ended."
            return _told(bare, MonitorState.DEAD, sentence)
        if client is not None:
            return _busy(bare, client)
        return _told(bare, MonitorState.FREE)

    def _manager_behind(self, path: str | None) -> Manager | None:
        """Whose own monitor a path leads to by a link."""
        file = self._files.get(path or "")
        return manager_of_path(file.real) if file is not None else None

    def _managed(
        self, bare: FoundMonitor, manager: Manager, path: str | None, process: FarProcess | None
    ) -> FoundMonitor:
        client = self._sight.listener({path}, process)[1] if path else None
        held = f" Held by {who(client)}." if client else ""
        advice = ""
        if manager is Manager.LIBVIRT and process is not None:
            there = str(self._place).removeprefix("ssh")
            line = self._sight.found[process.pid].line
            domain = LibvirtAddress(uri=f"qemu+ssh{there}/system", domain=line.name)
            advice = f"A libvirt of the system's is reached through itself: {domain}."
        told = _told(bare, MonitorState.MANAGED, f"{meaning(manager)}{held}", advice)
        return told.model_copy(update={"holder": client})

    def _socket(self, path: str) -> FoundVm:
        """A socket that is named like a monitor, and that belongs to no VM that is seen."""
        bare = self._bare("socket file", path, path)
        manager = manager_of_path(path) or self._manager_behind(path)
        if manager is not None:
            told = self._managed(bare, manager, path, None)
        else:
            told = self._judge(bare, path, {path}, None)
            if told.state in (MonitorState.FREE, MonitorState.LOOKING):
                sentence = "It belongs to no VM that can be seen there, so it was not asked."
                told = _told(told, MonitorState.NOT_ASKED, sentence)
        key = f"at {told.address}"
        return FoundVm(key=key, kind=Kind.SOCKET, manager=manager, monitors=(told,))

    def _over_tls(self, bare: FoundMonitor, option: MonitorOption) -> FoundMonitor:
        """A monitor that takes TLS alone: from other hosts, but not over SSH."""
        port, host = option.port or "", option.host or ""
        here = host == "localhost" or host.startswith(("127.", "::1"))
        if here or not re.fullmatch("[1-9][0-9]{0,4}", port) or int(port) > _MOST_PORT:
            return _no_address(
                bare,
                f"takes TLS on port {port} there, which is not spoken over SSH",
                f"Forward it (ssh -N -L {port}:{host or 'localhost'}:{port} {self._place.login}), "
                f"and connect to tls://localhost:{port}.",
            )
        untried = "It takes TLS alone; whether it lets you in shows when it is connected to."
        address = TlsAddress(host=self._place.host, port=int(port))
        return _told(bare.model_copy(update={"address": address}), MonitorState.NOT_ASKED, untried)

    def _bare(
        self, source: str, text: str, place: str | TcpAddress | None, *, waits: bool = False
    ) -> FoundMonitor:
        address = self._place.at(place) if place else None
        recent = address is not None and str(address) in self._used
        return FoundMonitor(source=source, text=text, address=address, waits=waits, recent=recent)

    def _another_login(self) -> str:
        root = self._place.model_copy(update={"user": "root"})
        return f"Log in as a user who may, as in {root}."


def _told(
    bare: FoundMonitor, state: MonitorState, sentence: str = "", advice: str = ""
) -> FoundMonitor:
    return bare.model_copy(update={"state": state, "sentence": sentence, "advice": advice})


def _no_address(bare: FoundMonitor, obstacle: str, advice: str = "") -> FoundMonitor:
    sentence = f"It {obstacle}: there is nothing to connect to."
    return _told(bare, MonitorState.NO_ADDRESS, sentence, advice)


def _busy(bare: FoundMonitor, client: Holder) -> FoundMonitor:
    advice = "End that client, or give the VM one more monitor."
    busy = _told(bare, MonitorState.BUSY, f"Held by {who(client)}.", advice)
    return busy.model_copy(update={"holder": client})


def _notes(found: Found, process: FarProcess) -> Iterator[str]:
    for config in found.line.configs:
        yield f"It reads more options from {config} (-readconfig), which may define monitors."
    if process.own_files:
        yield "It has a file system of its own, as in a container: paths lead through its process."
