"""A QEMU behind an sshd of the test's own, and the home of somebody who may log in there."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from tests.journeys.sshd import Sshd
from tests.qmp.machine import machine
from tests.transports.reaching import MONITOR, Reached, on_a_port
from tui.qmp.address import SshAddress, TcpAddress

HOST = "127.0.0.1"


@contextlib.asynccontextmanager
async def over_ssh(place: Path) -> AsyncIterator[Reached]:
    """A monitor on a Unix socket, reached as another host's."""
    with ssh_server() as sshd:
        know(sshd)
        async with machine(place) as vm:
            yield Reached(address_of(sshd, vm.monitor), vm.pid)


@contextlib.asynccontextmanager
async def over_ssh_to_a_port(place: Path) -> AsyncIterator[Reached]:
    """A monitor on a TCP port that only its own host can connect to, reached as another host's."""
    with ssh_server() as sshd:
        know(sshd)
        async with on_a_port(place, *MONITOR) as (vm, port):
            yield Reached(port_behind(sshd, port), vm.pid)


@contextlib.contextmanager
def ssh_server(more: str = "") -> Iterator[Sshd]:
    """An sshd that is gone at the end."""
    sshd = Sshd(more)
    try:
        yield sshd
    finally:
        sshd.close()


def address_of(sshd: Sshd, path: Path) -> SshAddress:
    """A socket behind it."""
    return SshAddress(host=HOST, port=sshd.port, path=str(path))


def port_behind(sshd: Sshd, port: int) -> SshAddress:
    """A port behind it."""
    tcp = TcpAddress(host="localhost", port=port)
    return SshAddress(host=HOST, port=sshd.port, tcp=tcp)


def know(sshd: Sshd, *, trusted: bool = True, key: bool = True) -> Path:
    """Make a `~/.ssh` that knows the host and has the key, or not; returns it."""
    home = Path(os.environ["HOME"], ".ssh")
    home.mkdir(mode=0o700, exist_ok=True)
    kind, blob, *_ = (sshd.there / "host_key.pub").read_text().split()
    known = f"[{HOST}]:{sshd.port} {kind} {blob}\n" if trusted else ""
    (home / "known_hosts").write_text(known)
    identity = f"IdentityFile {sshd.there}/client_key\n" if key else ""
    (home / "config").write_text(f"Host {HOST}\n{identity}")
    return home
