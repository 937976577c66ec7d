"""A real libvirtd of the tests' own, and domains in it.

It runs as a user's daemon does, in directories of its own, so that neither the machine's libvirt
nor another test's is in its way; as root, the tests give it to the user `nobody`.
"""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import libvirt
import psutil

from tests.transports.reaching import Reached
from tests.waiting import until_now
from tui.demo.qemu_binary import find_qemu
from tui.qmp.address import LibvirtAddress

_DOMAIN = """
<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>16</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <emulator>{emulator}</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    {devices}
  </devices>
</domain>
"""


# A libvirt starts the QEMU of its own distribution; one that is newer than it may be too new.
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Libvirtd:
    """A libvirtd that can be started, also anew: its domains outlive it.

    Attributes:
        uri: for whoever may connect to it.
        there: its directory, which its QEMUs may write to.
        config: its `libvirtd.conf`.
        log: what it says.
    """

    def __init__(self) -> None:
        self.there = Path(tempfile.mkdtemp(prefix="bd-lv-"))
        self.uri = f"qemu+unix:///session?socket={self.there}/run/libvirt-sock"
        self.log = self.there / "log"
        self.config = self.there / "libvirtd.conf"
        self.config.write_text(
            f'unix_sock_dir = "{self.there}/run"\nauth_unix_ro = "none"\nauth_unix_rw = "none"\n'
        )
        home = self.there / "home"
        self._places = {
            "HOME": home,
            "XDG_RUNTIME_DIR": self.there / "run",
            **{f"XDG_{name}_HOME": home / name for name in ("CONFIG", "CACHE", "DATA", "STATE")},
        }
        for place in self._places.values():
            place.mkdir(parents=True, exist_ok=True)
        for path in (self.there, *self.there.rglob("*")):
            self.give(path)
        self.there.chmod(0o711)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        places = {name: str(path) for name, path in self._places.items()}
        environment = {**os.environ, "PATH": _PATH, **places}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                env=environment,
                cwd=self.there,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until_now(self._listens)

    def _command(self) -> list[str]:
        program = shutil.which("libvirtd") or "/usr/sbin/libvirtd"
        command = [program, "--config", str(self.config)]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
        return command

    def kill(self) -> None:
        """Kill it, as a crash would."""
        self._process.kill()
        self._process.wait(20)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Hold it up, so that it answers nothing and hangs up on nobody."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it and all its domains."""
        if self._process.poll() is None:
            connection = self.connect()
            for running in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
                with contextlib.suppress(libvirt.libvirtError):
                    running.destroy()
            connection.close()
            self._process.terminate()
            self._process.wait(20)
        shutil.rmtree(self.there)

    def connect(self) -> libvirt.virConnect:
        """A connection of the test's own."""
        return libvirt.open(self.uri)

    def give(self, path: Path) -> None:
        """Let it and its QEMUs use a file or a directory."""
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(path, nobody.pw_uid, nobody.pw_gid)

    def _listens(self) -> bool:
        assert self._process.poll() is None, self.log.read_text()
        try:
            self.connect().close()
        except libvirt.libvirtError:
            return False
        return True


@contextlib.contextmanager
def running_libvirtd(kind: "type[Libvirtd] | None" = None) -> Iterator[Libvirtd]:
    """Start one, a user's unless told otherwise, and end it with all its domains."""
    # Nothing of libvirt may write to standard error.
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    daemon = (kind or Libvirtd)()
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.close()


@contextlib.asynccontextmanager
async def over_libvirt(daemon: Libvirtd) -> AsyncIterator[Reached]:
    """A domain of it that runs."""
    async with domain(daemon) as (name, pid):
        yield Reached(LibvirtAddress(uri=daemon.uri, domain=name), pid, nul=False)


@contextlib.asynccontextmanager
async def domain(
    daemon: Libvirtd, devices: str = "", name: str | None = None
) -> AsyncIterator[tuple[str, int]]:
    """A domain that does not run its guest; its name and the pid of its QEMU."""
    identity = str(uuid.uuid4())
    name = name or f"vm-{identity[:8]}"
    xml = domain_xml(name, identity, devices)

    def create() -> None:
        connection = daemon.connect()
        try:
            connection.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)
        except libvirt.libvirtError as error:
            raise AssertionError(f"{error}\n{daemon.log.read_text()}") from error
        finally:
            connection.close()

    await asyncio.to_thread(create)
    process = _process(identity)
    try:
        yield name, process.pid
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            await asyncio.to_thread(_gone, process)


def domain_xml(name: str, identity: str, devices: str = "") -> str:
    """A tiny domain without KVM."""
    emulator = shutil.which("qemu-system-x86_64", path=_PATH) or find_qemu().system
    return _DOMAIN.format(name=escape(name), uuid=identity, emulator=emulator, devices=devices)


def _gone(process: psutil.Process) -> None:
    # It is no child of ours.
    until_now(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


def pid_of(identity: str) -> int:
    """The QEMU of the domain with this UUID."""
    return _process(identity).pid


def _process(identity: str) -> psutil.Process:
    (found,) = (
        process
        for process in psutil.process_iter(["cmdline"])
        if identity in (process.info["cmdline"] or ())
    )
    return found
