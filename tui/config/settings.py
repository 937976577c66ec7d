"""What can be set, what it means, and what it is when nobody has set it."""

import os
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field

from tui.config.kinds import Directory, Monitor, Socket, Speed, VmName
from tui.qmp.address import AddressError, MonitorAddress, UnixAddress, parse_address
from tui.worker.pace import Pace

_MIB = 1 << 20
_PACE = Pace()


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class BackupSettings(_Part):
    """How backups begin."""

    directory: Directory | None = Field(
        None, description="Suggest targets in this directory of QEMU's host."
    )
    fleece: Directory | None = Field(
        None,
        description="Suggest that new chains save what the guest overwrites here first, on fast "
        "storage of QEMU's host.",
    )
    speed: Speed = Field(
        0, description='The speed limit a backup begins with, as in "50MiB"; 0 is without limit.'
    )
    presets: tuple[Speed, ...] = Field(
        (0, 500 * _MIB, 200 * _MIB, 100 * _MIB, 50 * _MIB, 20 * _MIB, 5 * _MIB, _MIB),
        description="The speed limits offered for a job that runs, in this order.",
        min_length=1,
        max_length=20,
    )


class RefreshSettings(_Part):
    """How often QEMU is asked and how long an answer may take; in seconds."""

    idle: float = Field(
        _PACE.idle, ge=0.2, le=3600, description="Between looks at a VM without jobs."
    )
    busy: float = Field(_PACE.busy, ge=0.2, le=60, description="Between looks at a VM with jobs.")
    inventory: float = Field(
        _PACE.inventory,
        ge=1,
        le=86400,
        description="After this long the disks are listed again, though nothing hinted at a "
        "change.",
    )
    command: float = Field(
        _PACE.command, ge=1, le=600, description="How long QEMU has to answer a command."
    )
    connect: float = Field(
        _PACE.connect, ge=0.5, le=60, description="How long a connection may take to be made."
    )


class VmSettings(_Part):
    """A VM with a name of the operator's."""

    monitor: Monitor = Field(
        description="Its QMP monitor: the whole path of a socket, HOST:PORT, or a URL that begins "
        "with ssh://, tls:// or qemu://."
    )
    read_only: bool = Field(False, description="Whether it is only asked, never told to do things.")
    directory: Directory | None = Field(
        None, description="Suggest its targets in this directory, not in that of `[backup]`."
    )
    agent: Socket | None = Field(
        None,
        description="The socket of its guest's agent, where QEMU's command line does not tell it.",
    )
    fleece: Directory | None = Field(
        None, description="Suggest this directory for fleecing, not that of `[backup]`."
    )
    speed: Speed | None = Field(
        None, description="The speed limit its backups begin with, not that of `[backup]`."
    )


class Settings(_Part):
    """Everything that can be set; by itself it reads nothing (see `load`)."""

    read_only: bool = Field(False, description="Send every QEMU nothing but questions.")
    read_only_vms: tuple[str, ...] = Field(
        (),
        description="Only ask these VMs: by a name under `[vms]`, by QEMU's own name or UUID, or "
        "by the monitor.",
    )
    theme: str = Field(
        "blockdeck-dark",
        description="The theme: `blockdeck-dark`, `blockdeck-light`, `blockdeck-contrast`, "
        "`blockdeck-contrast-light`, or one of Textual's own.",
    )
    backup: BackupSettings = Field(BackupSettings(), description="How backups begin.")
    refresh: RefreshSettings = Field(
        RefreshSettings(),
        description="How often QEMU is asked and how long an answer may take, in seconds.",
    )
    colours: dict[str, str] = Field(
        {}, description="Colours of the theme, by their names in Textual, as in `#ff8700`."
    )
    keys: dict[str, dict[str, str]] = Field(
        {}, description="Other keys for what can be done; several are parted by commas."
    )
    vms: dict[VmName, VmSettings] = Field(
        {}, description="VMs by name: the name serves wherever a monitor is asked for."
    )

    # --- what it means ---------------------------------------------------------------------------

    def pace(self) -> Pace:
        """How often a worker asks."""
        return Pace(**self.refresh.model_dump())

    def address(self, text: str) -> MonitorAddress:
        """The monitor meant by a name under `[vms]`, else by an address; `./NAME` is a socket.

        Raises:
            AddressError: it is neither.
        """
        vm = self.vms.get(text.strip())
        return parse_address(vm.monitor if vm else text)

    def vm(self, address: str, qemu_name: str = "") -> VmSettings | None:
        """What is set for the VM behind a monitor, else for the one that QEMU calls so."""
        place = _place(address)
        for vm in self.vms.values():
            if _place(vm.monitor) == place:
                return vm
        return self.vms.get(qemu_name)

    def name_of(self, address: str) -> str:
        """The name under `[vms]` of the VM behind a monitor; empty where it has none."""
        place = _place(address)
        return next((n for n, vm in self.vms.items() if _place(vm.monitor) == place), "")

    def called(self, addresses: Iterable[str]) -> str:
        """The name under `[vms]` of a VM with these monitors, without a look at any file."""
        there = set(addresses)
        return next((name for name, vm in self.vms.items() if vm.monitor in there), "")

    def directory(self, address: str, qemu_name: str = "") -> str | None:
        """Where targets of a VM are suggested."""
        vm = self.vm(address, qemu_name)
        return (vm.directory if vm else None) or self.backup.directory

    def agent(self, address: str, qemu_name: str = "") -> str | None:
        """The socket of the agent of a VM's guest, where it is not to be looked for."""
        vm = self.vm(address, qemu_name)
        return vm.agent if vm else None

    def fleece(self, address: str, qemu_name: str = "") -> str | None:
        """Where new chains of a VM are suggested to save what the guest overwrites."""
        vm = self.vm(address, qemu_name)
        return (vm.fleece if vm else None) or self.backup.fleece

    def speed(self, address: str, qemu_name: str = "") -> int:
        """The speed limit that backups of a VM begin with, in bytes a second; 0 is none."""
        vm = self.vm(address, qemu_name)
        return self.backup.speed if vm is None or vm.speed is None else vm.speed

    def only_asks(self, address: str) -> bool:
        """Whether the VM behind a monitor is known to be read-only before it is asked its name."""
        place = _place(address)
        places = {_place(vm.monitor) for name, vm in self.vms.items() if self._protects(name, vm)}
        return self.read_only or place in places | set(map(_place, self.read_only_vms))

    @property
    def protected(self) -> frozenset[str]:
        """The names and UUIDs of QEMU's that mean a VM is read-only."""
        named = {name for name, vm in self.vms.items() if self._protects(name, vm)}
        return frozenset({*named, *self.read_only_vms})

    def _protects(self, name: str, vm: VmSettings) -> bool:
        return vm.read_only or name in self.read_only_vms

    @property
    def keymap(self) -> Mapping[str, str]:
        """The keys by the id of their binding."""
        return {f"{group}.{act}": k for group, acts in self.keys.items() for act, k in acts.items()}


def _place(text: str) -> str:
    """An address, the same for each way to write it."""
    try:
        address = parse_address(text)
    except AddressError:
        return text
    return os.path.realpath(address.path) if isinstance(address, UnixAddress) else str(address)
