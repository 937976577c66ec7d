"""What was found on this host, as it is shown and as it is printed."""

import os
from enum import StrEnum
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict

from tui.qmp.address import MonitorAddress, SshAddress, UnixAddress
from tui.qmp.reserved import Manager as Manager


class MonitorState(StrEnum):
    """How a monitor stands, in the word that is shown."""

    LOOKING = "looking"
    FREE = "free"
    THROUGH_LIBVIRT = "through libvirt"
    NOT_ASKED = "unasked"
    BUSY = "busy"
    SILENT = "no answer"
    NO_PERMISSION = "no permission"
    MANAGED = "managed"
    NOT_QMP = "not QMP"
    DEAD = "dead"
    NO_ADDRESS = "no address"


# What Enter would rather connect to comes first; what is not here is not connected to.
_PREFERRED = (
    MonitorState.FREE,
    MonitorState.LOOKING,
    MonitorState.THROUGH_LIBVIRT,
    MonitorState.NOT_ASKED,
    MonitorState.BUSY,
    MonitorState.SILENT,
    MonitorState.NO_PERMISSION,
    MonitorState.DEAD,
)


_CONNECTED_TO = frozenset({MonitorState.FREE, MonitorState.THROUGH_LIBVIRT, MonitorState.NOT_ASKED})


class Kind(StrEnum):
    """What is behind a monitor."""

    VM = "vm"
    STORAGE_DAEMON = "storage-daemon"
    SOCKET = "socket"
    """A socket whose process cannot be told, or that has none."""


class Holder(BaseModel):
    """The process that holds a monitor; None is "cannot be told"."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    pid: int | None = None
    program: str | None = None
    user: str | None = None


class FoundMonitor(BaseModel):
    """A QMP monitor.

    Attributes:
        source: the option that defines it, or "libvirt", or "open socket", or "socket file", or
            "used before".
        text: where it is, in the words of the one that defines it.
        address: how to connect; None where there is no way to.
        state: how it stands.
        sentence: what that means; may be empty.
        advice: what to do about it; may be empty.
        holder: who holds it, if it is busy and that can be told.
        waits: whether QEMU may be waiting for the first client to start the VM.
        recent: whether it was connected to before.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    source: str
    text: str
    address: MonitorAddress | None = None
    state: MonitorState = MonitorState.LOOKING
    sentence: str = ""
    advice: str = ""
    holder: Holder | None = None
    waits: bool = False
    recent: bool = False

    @property
    def doubtful(self) -> bool:
        """Whether it may be otherwise in a moment: another look, too, holds a monitor so long."""
        return self.state in (MonitorState.BUSY, MonitorState.SILENT) and not self.ours

    @property
    def bare(self) -> "FoundMonitor":
        """The monitor without how it stands."""
        forgotten = {"state": MonitorState.LOOKING, "sentence": "", "advice": "", "holder": None}
        return self.model_copy(update=forgotten)

    @property
    def ours(self) -> bool:
        """Whether it is this very process that is connected to it."""
        return self.holder is not None and self.holder.pid == os.getpid()


class FoundDisk(BaseModel):
    """A disk: QEMU's name for it, "" where only the command line tells of it, and its file."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    name: str = ""
    file: str = ""


class Remedy(BaseModel):
    """What gives a VM a monitor that BlockDeck may use.

    Attributes:
        what: what to do with the text, as a sentence.
        text: what to copy.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    what: str
    text: str


class FoundVm(BaseModel):
    """A VM, a storage daemon, or a lone socket.

    Attributes:
        key: tells it from the others of one look, and is the same in the next one.
        pid: of its process; None for a lone socket.
        started: when the process began, in seconds since the epoch.
        user: whose process it is; of a lone socket, who made it.
        strange: whether another user, who is not root, made it where anybody may make a socket.
        run_state: QAPI's `RunState` as QEMU said it; None if it was not asked.
        version: QEMU's, as it said it.
        disks: as QEMU said, else as on its command line.
        notes: what cannot be seen of it, in sentences.
        remedy: for one without a usable monitor.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    key: str
    kind: Kind = Kind.VM
    name: str = ""
    uuid: str | None = None
    pid: int | None = None
    started: float | None = None
    user: str = ""
    strange: bool = False
    run_state: str | None = None
    version: str | None = None
    manager: Manager | None = None
    disks: tuple[FoundDisk, ...] = ()
    monitors: tuple[FoundMonitor, ...] = ()
    notes: tuple[str, ...] = ()
    remedy: Remedy | None = None

    @property
    def best(self) -> FoundMonitor | None:
        """The monitor to connect to, or to try; None if there is none that may be tried."""
        tried = [m for m in self.monitors if m.address is not None and m.state in _PREFERRED]
        return min(tried, key=lambda m: _PREFERRED.index(m.state), default=None)

    @property
    def telling(self) -> FoundMonitor | None:
        """The monitor that tells how the VM stands: the best one, else any."""
        return self.best or next(iter(self.monitors), None)

    @property
    def usable(self) -> bool:
        """Whether there is a monitor to connect to now, without a second thought."""
        best = self.best
        return best is not None and best.state in _CONNECTED_TO and not self.strange

    @property
    def through_libvirt(self) -> bool:
        """Whether libvirt's word is the best way to it, which marks the VM as tainted."""
        return self.best is not None and self.best.state is MonitorState.THROUGH_LIBVIRT

    @property
    def recent(self) -> bool:
        """Whether one of its monitors was used before."""
        return any(monitor.recent for monitor in self.monitors)

    @property
    def ours(self) -> bool:
        """Whether this very process is connected to it."""
        return any(monitor.ours for monitor in self.monitors)

    @property
    def leftover(self) -> bool:
        """Whether it is but a socket that nobody serves any more."""
        dead = all(monitor.state is MonitorState.DEAD for monitor in self.monitors)
        return self.kind is Kind.SOCKET and dead

    @property
    def place(self) -> tuple[object, ...]:
        """Where it stands in a list.

        VMs before lone sockets; those used before, then those to connect to; dead ones last.
        """
        usable = self.usable or any(m.state is MonitorState.LOOKING for m in self.monitors)
        kind, title = list(Kind).index(self.kind), self.title.casefold()
        return self.leftover, kind, not self.recent, not usable, title, self.key

    @property
    def title(self) -> str:
        """Its name, or what to call it without one."""
        if self.name:
            return self.name
        if self.kind is Kind.STORAGE_DAEMON:
            return "qemu-storage-daemon"
        if self.kind is Kind.SOCKET and self.monitors:
            address = self.monitors[0].address
            if isinstance(address, UnixAddress):
                return f"{address.path.name} in {address.path.parent}"
            if isinstance(address, SshAddress):
                return f"{PurePosixPath(address.inside).name} on {address.host}"
            return self.monitors[0].text
        # Several may have none: what is on their disks tells them apart.
        files = (disk.file.rpartition("/")[2] for disk in self.disks if ":{" not in disk.file)
        file = next((name for name in files if name), "")
        return f"{file} (no name)" if file else "(no name)"


class Findings(BaseModel):
    """What one look has found, so far or in the end.

    Attributes:
        vms: in the order to show them.
        notes: what could not be seen, in sentences.
        whole: whether the look has ended.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    vms: tuple[FoundVm, ...] = ()
    notes: tuple[str, ...] = ()
    whole: bool = False
