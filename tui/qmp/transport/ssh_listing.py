"""Which QMP monitors another host has, told by the command lines of its QEMUs."""

import itertools
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NoReturn

import asyncssh
from pydantic import BaseModel, ConfigDict

from tui.qmp.address import SshAddress
from tui.qmp.errors import NoSuchSocket
from tui.qmp.reserved import manager_of_path, meaning

# One line for each process that may be a QEMU: its pid, and its command line in hexadecimal digits.
_SCRIPT = """
cd /proc && for f in $(grep -alE 'qemu|kvm' [0-9]*/cmdline 2>/dev/null); do
    echo "${f%/cmdline} $(od -An -v -tx1 <$f | tr -d ' \\n')"
done
"""

_QEMU = re.compile(r"(qemu-system-.*|qemu-kvm|kvm|qemu-storage-daemon)")
_MOST = 12


class RemoteQemu(BaseModel):
    """A QEMU of another host."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    pid: int
    cmdline: tuple[str, ...]


async def qemus_of(connection: asyncssh.SSHClientConnection) -> tuple[RemoteQemu, ...]:
    """The QEMUs whose command lines the user who is logged in may see.

    Raises:
        asyncssh.Error: the host runs no commands for this user.
    """
    done = await connection.run(f"sh -c {shlex.quote(_SCRIPT)}", encoding=None)
    found = []
    said = done.stdout if isinstance(done.stdout, bytes) else b""
    for line in said.splitlines():
        pid, _, digits = line.decode("ascii", "replace").partition(" ")
        words = _words(digits)
        if pid.isdigit() and words and _QEMU.fullmatch(PurePosixPath(words[0]).name):
            found.append(RemoteQemu(pid=int(pid), cmdline=words))
    return tuple(found)


def _words(digits: str) -> tuple[str, ...]:
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        return ()
    return tuple(raw.decode("utf-8", "backslashreplace").rstrip("\0").split("\0"))


async def tell_monitors(address: SshAddress, connection: asyncssh.SSHClientConnection) -> NoReturn:
    """Answer an address without a path with the monitors that the host has.

    Raises:
        NoSuchSocket: always; its advice has an address on each line.
    """
    found = [
        (path, _name(qemu.cmdline))
        for qemu in await qemus_of(connection)
        for path in unix_monitors(qemu.cmdline)
    ]
    monitors = [
        f"{address.model_copy(update={'path': path})}  {name}"
        for path, name in found
        if manager_of_path(path) is None
    ]
    managers = sorted({manager for path, _ in found if (manager := manager_of_path(path))})
    left_out = [f"Left out is {meaning(manager)}" for manager in managers]
    if not monitors:
        nothing = "No QEMU that this user may see there has a QMP monitor on a Unix socket."
        raise NoSuchSocket(
            address,
            f"Say which socket of {address.host}: {address}/path/to/qmp.sock.",
            "\n".join(left_out or [nothing]),
        )
    more = [f"and {len(monitors) - _MOST} more"] if len(monitors) > _MOST else []
    raise NoSuchSocket(
        address,
        f"Say which monitor of {address.host}:",
        "\n".join([*monitors[:_MOST], *more, *left_out]),
    )


def unix_monitors(cmdline: Sequence[str]) -> Iterator[str]:
    """The absolute paths of the QMP monitors that a command line puts on Unix sockets."""
    options = [
        (word.lstrip("-"), value)
        for word, value in itertools.pairwise(cmdline)
        if word.startswith("-")
    ]
    sockets = {
        settings.get("id", ""): settings.get("path", "")
        for settings in (_settings(value) for name, value in options if name == "chardev")
    }
    for name, value in options:
        path = ""
        if name in ("qmp", "qmp-pretty") and value.startswith("unix:"):
            path = _pieces(value.removeprefix("unix:"))[0]
        elif name == "mon" and _settings(value).get("mode") == "control":
            path = sockets.get(_settings(value).get("chardev", ""), "")
        if path.startswith("/"):
            yield path


def _settings(value: str) -> dict[str, str]:
    first, *others = _pieces(value)
    # `-mon` takes its chardev without a name, too.
    named = [first if "=" in first else f"chardev={first}", *others]
    return {key: setting for key, _, setting in (piece.partition("=") for piece in named)}


def _pieces(value: str) -> list[str]:
    """An option's settings; `,,` stands for a comma in one."""
    return [piece.replace(",,", ",") for piece in re.findall(r"(?:[^,]|,,)+", value)] or [""]


def _name(cmdline: Sequence[str]) -> str:
    if "-name" not in cmdline[:-1]:
        return ""
    first = _pieces(cmdline[cmdline.index("-name") + 1])[0]
    # It stands on a line of its own.
    return " ".join(first.removeprefix("guest=").split())
