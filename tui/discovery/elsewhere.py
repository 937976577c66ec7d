"""The VMs of another host, over SSH, and how their monitors stand; none of them is connected to."""

import re
import time
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from tui.discovery.command_line import MonitorOption
from tui.discovery.far_look import FarFile, FarHost, FarProcess, NotTold, Run, look, look_at_files
from tui.discovery.far_sight import FarSight, can_be_asked_for
from tui.discovery.judging import who
from tui.discovery.managers import manager_of, manager_of_monitor, remedy_for
from tui.discovery.models import (
    Findings,
    FoundDisk,
    FoundMonitor,
    FoundVm,
    Kind,
    MonitorState,
)
from tui.discovery.places import is_like_a_monitor
from tui.discovery.processes import Found
from tui.discovery.scout import MAY_WAIT, place_in_list
from tui.qmp.address import LibvirtAddress, MonitorAddress, SshAddress, TlsAddress
from tui.qmp.dial import ask_host
from tui.qmp.errors import ConnectFailure
from tui.qmp.reserved import Manager, manager_of_path, meaning

_MOST_LONE = 20
_MOST_PORT = 65535


async def look_elsewhere(address: SshAddress, recent: Collection[MonitorAddress] = ()) -> Findings:
    """Everything that whoever logs in there may see.

    Args:
        address: the host; a path in it does not count.
        recent: monitors used before; they are marked.

    Raises:
        ConnectFailure: the host does not let this user in, or runs no commands for it.
    """
    place = address.model_copy(update={"path": ""})
    used = frozenset(str(one) for one in recent)

    async def ask(run: Run) -> Findings:
        survey = _Survey(place, await look(run), used)
        return survey.findings(await look_at_files(run, survey.paths))

    try:
        return await ask_host(place, ask)
    except NotTold as error:
        raise ConnectFailure(
            place,
            f"{place.host} runs no commands for {place.login}, so its VMs cannot be listed.",
            f"A monitor there can be connected to all the same: {place}/path/to/qmp.sock.",
        ) from error


class _Survey:
    """What a look at another host has found.

    Attributes:
        paths: the files to look at before it can be told how the monitors stand.
    """

    def __init__(self, place: SshAddress, host: FarHost, used: Collection[str]) -> None:
        self._place = place
        self._host = host
        self._sight = FarSight(host)
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
        self.paths = sorted(known | like - other)

    def findings(self, files: dict[str, FarFile]) -> Findings:
        """All of it, once the files were looked at."""
        self._files = files
        lone = [self._socket(path) for path in self._lone]
        dead = [vm for vm in lone if vm.monitors[0].state is MonitorState.DEAD]
        shown = [vm for vm in lone if vm not in dead[_MOST_LONE:]]
        vms = [self._vm(pid) for pid in self._sight.found]
        notes = []
        if self._host.uid != 0:
            notes.append(
                f"You are {self._host.user} there, not root: other users' VMs show no more than "
                "their command line, and their monitors' clients are not told."
            )
        if len(shown) < len(lone):
            notes.append(f"{len(lone) - len(shown)} more sockets that nobody serves are left out.")
        return Findings(
            vms=tuple(sorted((*vms, *shown), key=place_in_list)), notes=tuple(notes), whole=True
        )

    # --- VMs -------------------------------------------------------------------------------------

    def _vm(self, pid: int) -> FoundVm:
        found, process = self._sight.found[pid], self._sight.processes[pid]
        monitors = tuple(self._monitor(option, found, process) for option in found.line.monitors)
        vm = FoundVm(
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
        if vm.usable:
            return vm
        taken = {m.address.path for m in monitors if isinstance(m.address, SshAddress)}
        there = {*self._host.files, *self._files}
        return vm.model_copy(update={"remedy": remedy_for(found, taken, there.__contains__)})

    def _monitor(self, option: MonitorOption, found: Found, process: FarProcess) -> FoundMonitor:
        path, obstacle, advice = self._where(option, process.pid)
        bare = self._bare(option.source, option.text, path, waits=option.waits)
        manager = manager_of_monitor(option, path)
        if manager is not None:
            return self._managed(bare, manager, path, process)
        over_tls = self._over_tls(option)
        if over_tls is not None:
            untried = "It takes TLS alone; whether it lets you in shows when it is connected to."
            return _told(
                bare.model_copy(update={"address": over_tls}), MonitorState.NOT_ASKED, untried
            )
        if path is None:
            sentence = f"It {obstacle}: there is nothing to connect to."
            return _told(bare, MonitorState.NO_ADDRESS, sentence, advice)
        names = {path, option.path or path}
        judged = self._judge(bare, path, names, process)
        if found.stopped and judged.state in (MonitorState.FREE, MonitorState.NOT_ASKED):
            return _told(
                judged,
                MonitorState.SILENT,
                f"The process {process.pid} is stopped (SIGSTOP, or a debugger): "
                "it answers nothing.",
                f"Let it go on with: ssh {self._place.login} kill -CONT {process.pid}",
            )
        return judged

    def _judge(
        self, bare: FoundMonitor, path: str, names: Collection[str], process: FarProcess | None
    ) -> FoundMonitor:
        if process is not None and process.own_network:
            told = "Its QEMU is in a network namespace of its own: who holds it cannot be told."
            return _told(bare, MonitorState.NOT_ASKED, told)
        file, host = self._files.get(path), self._place.host
        listener, client = self._sight.listener(names, process)
        if file is None or not file.is_socket:
            if listener is None:
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
        if self._host.unix is None:
            return _told(bare, MonitorState.NOT_ASKED, "Who holds it cannot be told there.")
        if listener is None:
            sentence = f"Nobody listens on {path}: the QEMU that made this socket has ended."
            return _told(bare, MonitorState.DEAD, sentence)
        if client is not None:
            advice = "End that client, or give the VM one more monitor."
            busy = _told(bare, MonitorState.BUSY, f"Held by {who(client)}.", advice)
            return busy.model_copy(update={"holder": client})
        if bare.waits:
            return _told(bare, MonitorState.NOT_ASKED, MAY_WAIT)
        return _told(bare, MonitorState.FREE)

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
        manager = manager_of_path(path)
        if manager is not None:
            told = self._managed(bare, manager, path, None)
        else:
            told = self._judge(bare, path, {path}, None)
            if told.state is MonitorState.FREE:
                sentence = "It belongs to no VM that can be seen there, so it was not asked."
                told = _told(told, MonitorState.NOT_ASKED, sentence)
        key = f"at {told.address}"
        return FoundVm(key=key, kind=Kind.SOCKET, manager=manager, monitors=(told,))

    def _over_tls(self, option: MonitorOption) -> TlsAddress | None:
        """The address of a monitor that takes TLS from other hosts."""
        port, host = option.port or "", option.host or ""
        if not option.tls or option.obstacle or not re.fullmatch("[1-9][0-9]{0,4}", port):
            return None
        if host == "localhost" or host.startswith(("127.", "::1")) or int(port) > _MOST_PORT:
            return None
        return TlsAddress(host=self._place.host, port=int(port))

    def _where(self, option: MonitorOption, pid: int) -> tuple[str | None, str, str]:
        """A monitor's path there; without one, why not and what to do about it."""
        path, obstacle = self._sight.path_of(option, pid)
        if path is not None or option.port is None or option.obstacle:
            return path, obstacle, ""
        port = option.port
        return (
            None,
            f"listens on TCP port {port} there, which is not to be told over SSH",
            f"Forward it (ssh -N -L {port}:{option.host or 'localhost'}:{port} "
            f"{self._place.login}), and connect to localhost:{port}.",
        )

    def _bare(
        self, source: str, text: str, path: str | None, *, waits: bool = False
    ) -> FoundMonitor:
        address = self._place.model_copy(update={"path": path}) if path else None
        recent = address is not None and str(address) in self._used
        return FoundMonitor(source=source, text=text, address=address, waits=waits, recent=recent)

    def _another_login(self) -> str:
        root = self._place.model_copy(update={"user": "root"})
        return f"Log in as a user who may, as in {root}."


def _told(
    bare: FoundMonitor, state: MonitorState, sentence: str = "", advice: str = ""
) -> FoundMonitor:
    return bare.model_copy(update={"state": state, "sentence": sentence, "advice": advice})


def _notes(found: Found, process: FarProcess) -> Iterator[str]:
    for config in found.line.configs:
        yield f"It reads more options from {config} (-readconfig), which may define monitors."
    if process.own_files:
        yield "It has a file system of its own, as in a container: paths lead through its process."
