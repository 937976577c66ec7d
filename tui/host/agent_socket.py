"""Where QEMU listens for who wants to talk to the guest's agent."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from tui.host.cmdline import words_of
from tui.host.process import QemuProcess

AGENT_PORT = "org.qemu.guest_agent.0"
"""The name of the virtio-serial port that the agent opens in the guest."""


def agent_socket(process: QemuProcess) -> Path | None:
    """The agent's socket of a QEMU of this host; None where it has none, or none is seen.

    libvirt hands the socket over as a file descriptor: it is then found by the name that libvirt
    gives it, among those that the process listens on.
    """
    named = _named(process.cmdline)
    if named is None:
        return _listened_on(process.pid)
    if not named.is_absolute() and process.cwd is None:
        return None
    path = Path(process.cwd or "/") / named
    # Another mount namespace is reached through /proc.
    inside = process.same_mount_namespace is False
    return Path(f"/proc/{process.pid}/root{path}") if inside else path


def _named(cmdline: Sequence[str]) -> Path | None:
    sockets = {}
    for words in _given(cmdline, "chardev"):
        if "socket" in words and isinstance(path := words.get("path"), str):
            sockets[words.get("id")] = path
    for words in _given(cmdline, "device"):
        if words.get("name") == AGENT_PORT and (path := sockets.get(words.get("chardev"))):
            return Path(path)
    return None


def _given(cmdline: Sequence[str], option: str) -> Iterator[Mapping[str, object]]:
    for word, value in itertools.pairwise(cmdline):
        if word not in (f"-{option}", f"--{option}"):
            continue
        if not value.startswith("{"):
            yield words_of(value)
            continue
        try:
            read = json.loads(value)
        except (ValueError, RecursionError):
            continue
        if isinstance(read, dict):
            yield read


def _listened_on(pid: int) -> Path | None:
    try:
        connections = psutil.Process(pid).net_connections(kind="unix")
    except (psutil.Error, OSError):
        return None
    names = {str(one.laddr) for one in connections}
    return next((Path(name) for name in sorted(names) if Path(name).name == AGENT_PORT), None)
