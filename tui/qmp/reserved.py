"""Monitors that a VM's manager keeps to itself, told by their paths: never connected to."""

import os
import re
from enum import StrEnum

from tui.qmp.address import SshAddress, UnixAddress
from tui.qmp.errors import Reserved


class Manager(StrEnum):
    """What may have started a VM and keeps its monitor to itself."""

    LIBVIRT = "libvirt"
    PROXMOX = "Proxmox"


_PATHS = {
    # Before libvirt 1.3 the name of the domain was that of the file.
    Manager.LIBVIRT: re.compile(
        r".*/libvirt/qemu/((lib/)?[^/]+/monitor\.sock|[^/]+\.monitor)", re.DOTALL
    ),
    Manager.PROXMOX: re.compile(r".*/run/qemu-server/[^/]+\.qmp", re.DOTALL),
}

_MEANING = {
    Manager.LIBVIRT: (
        "libvirt's own monitor. It is never connected to: libvirt holds it for as long as the VM "
        "runs, and would lose the VM without it."
    ),
    Manager.PROXMOX: (
        "Proxmox VE's own monitor. It is never connected to: Proxmox's services use it every few "
        "seconds, and fail while somebody else holds it."
    ),
}

_INSTEAD = {
    Manager.LIBVIRT: (
        "Speak through libvirt (qemu:///system?domain=NAME), or give the VM a monitor for "
        "BlockDeck: <qemu:arg value='-qmp'/>, "
        "<qemu:arg value='unix:/run/my-vm.qmp2,server=on,wait=off'/>."
    ),
    Manager.PROXMOX: (
        "Give the VM a monitor for BlockDeck: "
        "qm set VMID --args '-qmp unix:/run/qemu-server/VMID.qmp2,server=on,wait=off'."
    ),
}


def manager_of_path(path: str) -> Manager | None:
    """Whose own monitor lives at a path."""
    plain = os.path.normpath(path)
    return next((m for m, pattern in _PATHS.items() if pattern.fullmatch(plain)), None)


def meaning(manager: Manager) -> str:
    """What it means that a monitor is its manager's own."""
    return _MEANING[manager]


def reserved(address: object) -> str:
    """Why an address is never connected to, by its path alone; empty where it may be."""
    if not isinstance(address, UnixAddress | SshAddress):
        return ""
    manager = manager_of_path(str(address.path))
    return f"{address} is {meaning(manager)}" if manager else ""


def keep_off(address: UnixAddress | SshAddress) -> None:
    """See that a socket is not a manager's own, also behind a link of this host.

    Raises:
        Reserved: it is.
    """
    path = str(address.path)
    manager = manager_of_path(path)
    if manager is None and isinstance(address, UnixAddress):
        manager = manager_of_path(os.path.realpath(address.path))
    if manager is not None:
        raise Reserved(address, f"{address} is {meaning(manager)}", _INSTEAD[manager])
