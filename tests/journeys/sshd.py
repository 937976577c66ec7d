"""A real sshd on the loopback, with keys of its own, for the user who runs the test."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.waiting import until_now

_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {there}/host_key
PidFile {there}/sshd.pid
AuthorizedKeysFile {there}/client_key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
PrintMotd no
"""


class Sshd:
    """Serves until it is closed."""

    def __init__(self) -> None:
        self._there = Path(tempfile.mkdtemp(prefix="bd-sshd-"))
        for name in ("host_key", "client_key"):
            make: list[str | Path] = [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-f",
                self._there / name,
            ]
            subprocess.run(make, check=True, timeout=30)
        self._port = _free_port()
        config = self._there / "sshd_config"
        config.write_text(_CONFIG.format(port=self._port, there=self._there))
        if os.geteuid() == 0:
            # sshd has this path compiled in, and a service to make it.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        program = shutil.which("sshd") or "/usr/sbin/sshd"
        self._process = subprocess.Popen(
            [program, "-D", "-E", self._there / "log", "-f", config], stdin=subprocess.DEVNULL
        )
        until_now(self._listens)

    def client(self, command: str) -> Sequence[str]:
        """The words that run a command over it, on a terminal."""
        options = [
            *("-F", "none", "-i", str(self._there / "client_key"), "-p", str(self._port)),
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
            *("-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes"),
        ]
        return ["ssh", "-tt", *options, f"{getpass.getuser()}@127.0.0.1", command]

    def cut(self) -> None:
        """Kill what serves the sessions, as a dropped line does in the end."""
        for process in psutil.Process(self._process.pid).children(recursive=True):
            if process.name().startswith("sshd"):
                process.kill()

    def close(self) -> None:
        """End it and its sessions."""
        self.cut()
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._there)

    def _listens(self) -> bool:
        assert self._process.poll() is None, (self._there / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
