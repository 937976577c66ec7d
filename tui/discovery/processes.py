"""The QEMU processes of this host, as far as this user can see them."""

import pwd
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

from tui.discovery.command_line import CommandLine, read_command_line
from tui.discovery.models import Kind
from tui.discovery.options import is_loader
from tui.host.process import QemuProcess, process_if

_STORAGE_DAEMON = "qemu-storage-daemon"
_PROGRAM = re.compile(r"(.*/)?(qemu-system-[^/]*|qemu-kvm|kvm|qemu-storage-daemon)", re.DOTALL)


class Found(BaseModel):
    """A process and what its command line says.

    Attributes:
        stopped: whether it is stopped by a signal or a debugger, and so answers nothing.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    process: QemuProcess
    kind: Kind
    line: CommandLine
    stopped: bool


def find_processes(wanted: Callable[[int], bool]) -> Iterator[Found]:
    """Every QEMU and every storage daemon among the wanted process ids."""
    for pid in psutil.pids():
        process = process_if(pid, lambda _, cmdline: kind_of(cmdline) is not None)
        kind = kind_of(process.cmdline) if process is not None else None
        if process is not None and kind is not None and wanted(pid):
            yield Found(
                process=process,
                kind=kind,
                line=read_command_line(process.cmdline),
                stopped=_is_stopped(pid),
            )


def kind_of(cmdline: Sequence[str]) -> Kind | None:
    """What runs with this command line; None if it is no QEMU."""
    # A script is called like a process, but its command line begins with its interpreter.
    words = cmdline if cmdline and is_loader(cmdline[0]) else cmdline[:1]
    program = next((word for word in words if _PROGRAM.fullmatch(word)), None)
    if program is None:
        return None
    return Kind.STORAGE_DAEMON if Path(program).name == _STORAGE_DAEMON else Kind.VM


def _is_stopped(pid: int) -> bool:
    try:
        status = psutil.Process(pid).status()
    except psutil.Error:
        return False
    return status in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)


def user_name(uid: int) -> str:
    """The name of a user, or the number of one without a name here."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return str(uid)
