"""What manages a VM, what that means for its monitor, and how to give the VM one more."""

import re
import shlex
from collections.abc import Callable, Collection
from html import escape
from pathlib import Path

from tui.discovery.command_line import CommandLine, MonitorOption
from tui.discovery.models import Kind, Manager, Remedy
from tui.discovery.options import written
from tui.discovery.processes import Found
from tui.discovery.through_libvirt import is_session
from tui.qmp.reserved import manager_of_path

LIBVIRT_MONITOR = "charmonitor"
"""The id that libvirt gives to its own monitor's character device."""

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 40


def manager_of(line: CommandLine) -> Manager | None:
    """What has started the VM, told by its command line."""
    if line.libvirt_directory is not None:
        return Manager.LIBVIRT
    return Manager.PROXMOX if line.proxmox_id is not None else None


def manager_of_monitor(option: MonitorOption, path: str | None) -> Manager | None:
    """Whose own monitor it is, told by its character device and its path."""
    if option.chardev == LIBVIRT_MONITOR:
        return Manager.LIBVIRT
    return manager_of_path(path or option.path or "")


def _is_here(path: str) -> bool:
    return Path(path).exists()


def remedy_for(
    found: Found, taken: Collection[str], is_there: Callable[[str], bool] = _is_here
) -> Remedy:
    """What to do so that the VM has a monitor for BlockDeck from its next start on.

    Args:
        taken: the paths of the monitors it has.
        is_there: whether something is at a path, on its host.
    """
    line, manager = found.line, manager_of(found.line)
    option = f"unix:{written(_free_path(found, taken, is_there))},server=on,wait=off"
    if manager is Manager.LIBVIRT:
        return Remedy(
            what="Put this before </domain> (virsh edit), then shut the VM down and start it again "
            "(libvirt then marks it as tainted (custom-argv))",
            text=_LIBVIRT_XML.format(option=escape(option)),
        )
    if manager is Manager.PROXMOX:
        number = shlex.quote(line.proxmox_id or "VMID")
        return Remedy(
            what="Run this, then shut the VM down and start it again (it replaces other --args)",
            text=f"qm set {number} --args {shlex.quote(f'-qmp {option}')}",
        )
    if found.kind is Kind.STORAGE_DAEMON:
        text = f"--chardev socket,id=blockdeck,path={option[5:]} --monitor chardev=blockdeck"
        return Remedy(what="Start the daemon with this as well", text=text)
    return Remedy(what="Start the VM with this as well", text=f"-qmp {option}")


# The namespace may be declared where it is used, so that the whole is one piece to paste.
_LIBVIRT_XML = """\
<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <qemu:arg value='-qmp'/>
  <qemu:arg value='{option}'/>
</qemu:commandline>"""


def _free_path(found: Found, taken: Collection[str], is_there: Callable[[str], bool]) -> str:
    """A path for a socket that this QEMU may make and that nothing has."""
    name = _UNFIT.sub("-", found.line.name).strip("-.")[:_LONGEST_NAME] or f"vm{found.process.pid}"
    directory = _directory(found, is_there)
    number = 2
    while (path := f"{directory}/{name}.qmp{number}") in taken or is_there(path):
        number += 1
    return path


def _directory(found: Found, is_there: Callable[[str], bool]) -> str:
    manager, uid = manager_of(found.line), found.process.uid
    if manager is Manager.PROXMOX:
        return "/run/qemu-server"
    if manager is Manager.LIBVIRT and not is_session(found):
        return "/var/lib/libvirt/qemu"
    own = f"/run/user/{uid}"
    if uid == 0:
        return "/run"
    return own if is_there(own) else "/tmp"
