"""A real sshd on the loopback, with keys of its own, for the user who runs the test."""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
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
{subsystem}
"""


class Sshd:
    """Serves until it is closed.

    Args:
        more: lines of its configuration that go before the others, and so count.

    Attributes:
        there: the directory with `host_key`, `client_key` and their `.pub`.
        port: where it listens, on 127.0.0.1.
    """

    def __init__(self, more: str = "") -> None:
        self.there = Path(tempfile.mkdtemp(prefix="bd-sshd-"))
        for name in ("host_key", "client_key"):
            make: list[str | Path] = [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-f",
                self.there / name,
            ]
            subprocess.run(make, check=True, timeout=30)
        self.port = _free_port()
        config = self.there / "sshd_config"
        sftp = "" if "Subsystem" in more else "Subsystem sftp internal-sftp"
        config.write_text(more + _CONFIG.format(port=self.port, there=self.there, subsystem=sftp))
        if os.geteuid() == 0:
            # sshd has this path compiled in, and a service to make it.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        program = shutil.which("sshd") or "/usr/sbin/sshd"
        self._process = subprocess.Popen(
            [program, "-D", "-E", self.there / "log", "-f", config], stdin=subprocess.DEVNULL
        )
        until_now(self._listens)

    def client(self, command: str) -> Sequence[str]:
        """The words that run a command over it, on a terminal."""
        options = [
            *("-F", "none", "-i", str(self.there / "client_key"), "-p", str(self.port)),
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
            *("-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes"),
        ]
        return ["ssh", "-tt", *options, f"{getpass.getuser()}@127.0.0.1", command]

    def new_host_key(self, kind: str = "ed25519") -> None:
        """Show another key from now on, as a host does that was installed anew."""
        key = self.there / "host_key"
        for path in (key, key.with_suffix(".pub")):
            path.unlink()
        subprocess.run(
            ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key], check=True, timeout=30
        )
        self._process.send_signal(signal.SIGHUP)

    def certify(self, principal: str) -> str:
        """Show a certificate of an authority's from now on; returns the authority's public key."""
        key, authority = self.there / "host_key", self.there / "authority"
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(authority)]
        sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "host", "-h", "-n", principal]
        for command in (make, [*sign, str(key.with_suffix(".pub"))]):
            subprocess.run(command, check=True, timeout=30)
        with (self.there / "sshd_config").open("a") as config:
            config.write(f"HostCertificate {key}-cert.pub\n")
        self._process.send_signal(signal.SIGHUP)
        return authority.with_suffix(".pub").read_text()

    def cut(self) -> None:
        """Kill what serves the sessions, as a dropped line does in the end."""
        for process in psutil.Process(self._process.pid).children(recursive=True):
            # One may end by itself meanwhile.
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.name().startswith("sshd"):
                    process.kill()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Hold up what serves the sessions, as a line does that is cut without a word."""
        sessions = [
            process
            for process in psutil.Process(self._process.pid).children(recursive=True)
            if process.name().startswith("sshd")
        ]
        for process in sessions:
            process.suspend()
        try:
            yield
        finally:
            for process in sessions:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    def close(self) -> None:
        """End it and its sessions."""
        self.stop()
        shutil.rmtree(self.there)

    def stop(self) -> None:
        """End it and its sessions, and keep what it was set up with."""
        if self._process.poll() is None:
            self.cut()
            self._process.kill()
            self._process.wait()

    def _listens(self) -> bool:
        assert self._process.poll() is None, (self.there / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
