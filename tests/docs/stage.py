"""Where the commands of a page are run: a shell, a VM, and what else the page speaks of."""

import asyncio
import contextlib
import getpass
import os
import re
import signal
import tempfile
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

from tests.docs import standins
from tests.docs.pages import CHECKOUT, Command
from tests.journeys.tmux import Tmux
from tests.packaging.installing import offline
from tests.qemu import Vm, qemu, qemu_img
from tests.transports.certificates import Authority
from tests.transports.over_libvirt import domain, running_libvirtd
from tests.transports.over_ssh import address_of, know, ssh_server
from tests.transports.over_tls import tls_monitor
from tests.transports.ports import free_port
from tests.turns import looking
from tui.qmp.address import LibvirtAddress, TlsAddress

SECONDS = 240.0
"""What a command may take: one that installs takes long."""

_LOOKS_FOR_VMS = re.compile(r"\s*blockdeck(\s+discover\b.*)?\s*(#.*)?")
_END = "--- that was "


@contextlib.asynccontextmanager
async def _turn(command: str) -> AsyncIterator[None]:
    """While a command runs; one that looks at the whole machine waits for its turn."""
    with contextlib.ExitStack() as turn:
        if _LOOKS_FOR_VMS.fullmatch(command):
            await asyncio.to_thread(turn.enter_context, looking())
        yield


class Stage:
    """A shell with a VM of one disk, `drive0`, behind the monitor that the pages speak of.

    Args:
        place: a directory of its own, with a short path.
        owner: ends what is begun.
    """

    def __init__(self, place: Path, owner: contextlib.AsyncExitStack) -> None:
        self.place = place
        self.monitor = place / "run" / "my-vm.qmp2"
        self.backups = place / "backup"
        self.images = place / "images"
        for directory in (self.monitor.parent, self.backups, self.images):
            directory.mkdir()
        standins.install(place / "bin")
        self._owner = owner
        self._port = free_port()
        self._shell: Process | None = None
        self._values: dict[str, str] = {}
        self.env = {
            **os.environ,
            **offline(),
            "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(CHECKOUT),
            "MANPATH": str(CHECKOUT / "man"),
            "LC_ALL": "C.UTF-8",
            "PLACE": str(place),
        }

    async def start_vm(self) -> Vm:
        """The VM, whose image is where the pages have it."""
        disk = self.images / "my-vm.qcow2"
        qemu_img("create", "-q", "-f", "qcow2", disk, "64M")
        qemu_img("bitmap", "--add", disk, "daily")
        vm = await self._owner.enter_async_context(
            qemu(
                self.place / "vm",
                *("-name", "my-vm", "-qmp", f"unix:{self.monitor},server=on,wait=off"),
                *("-drive", f"if=none,id=drive0,format=qcow2,file={disk}"),
            )
        )
        await vm.write("drive0", 0, 1 << 20, 0xA5)
        self.env["VM_PID"] = str(vm.pid)
        return vm

    # --- what the pages call by other names ------------------------------------------------------

    async def here(self, text: str) -> str:
        """A text of a page with the places, hosts and ports of this stage in it."""
        names = dict(self._names())
        pattern = re.compile("|".join(map(re.escape, names)))
        for name in pattern.findall(text):
            if name not in self._values:
                self._values[name] = await names[name]()
        return pattern.sub(lambda found: self._values[found[0]], text)

    def _names(self) -> tuple[tuple[str, Callable[[], Awaitable[str]]], ...]:
        # What is contained in another comes behind it.
        return (
            ("ssh://root@host/run/my-vm.qmp2", self._ssh_monitor),
            ("ssh://root@vm-host/run/my-vm.qmp2", self._ssh_monitor),
            ("root@vm-host", self._ssh_host),
            ("tls://host:4444", self._tls_monitor),
            ("tls://vm-host:4444", self._tls_monitor),
            ("qemu:///system?domain=my-vm", self._domain),
            ("/run/web.qmp2", partial(self._another_vm, "web")),
            ("/run/db.qmp2", partial(self._another_vm, "db")),
            # There is no Ceph: a server of the stand-in for `rbd` takes what is written.
            (
                "rbd:backups/my-vm --override",
                _value(f"'nbd+unix:///?socket={self.place}/rbd.nbd' --override X11 --override"),
            ),
            ("/run/", _value(f"{self.monitor.parent}/")),
            ("/backup/", _value(f"{self.backups}/")),
            ("/var/lib/images/", _value(f"{self.images}/")),
            ("qemu-nbd --fork", _value(f"qemu-nbd --pid-file={self.place}/nbd.pid --fork")),
            ("--port=10809", _value(f"--bind=127.0.0.1 --port={self._port}")),
            ("backup-host:10809", _value(f"127.0.0.1:{self._port}")),
            ("localhost:8000", _value(f"localhost:{self._port}")),
        )

    async def _ssh_host(self) -> str:
        await self._ssh_monitor()
        return "root@vm-host"

    async def _ssh_monitor(self) -> str:
        if "SSH_PORT" not in self.env:
            sshd = self._owner.enter_context(ssh_server())
            know(sshd)
            self.env["SSH_PORT"] = str(sshd.port)
            address = address_of(sshd, self.monitor)
            self._values["ssh"] = str(address).replace("//", f"//{getpass.getuser()}@", 1)
        return self._values["ssh"]

    async def _tls_monitor(self) -> str:
        authority = Authority()
        server = authority.server(self.place / "server", "127.0.0.1")
        client = authority.client(self.place / "client")
        there = tls_monitor(self.place / "tls", server)
        (self.place / "tls").mkdir()
        port, _ = await self._owner.enter_async_context(there)
        return str(TlsAddress(host="127.0.0.1", port=port, dir=client))

    async def _another_vm(self, name: str) -> str:
        monitor = self.monitor.with_name(f"{name}.qmp2")
        words = ("-name", name, "-qmp", f"unix:{monitor},server=on,wait=off")
        await self._owner.enter_async_context(qemu(self.place / name, *words))
        return str(monitor)

    async def _domain(self) -> str:
        daemon = self._owner.enter_context(running_libvirtd())
        await self._owner.enter_async_context(domain(daemon, name="my-vm"))
        return str(LibvirtAddress(uri=daemon.uri, domain="my-vm"))

    # --- what is typed ---------------------------------------------------------------------------

    async def run(self, command: Command) -> str:
        """Type a command into the shell; returns what was printed.

        Raises:
            AssertionError: it failed, or has not said what the page shows.
        """
        text = await self.here(command.text)
        if self._shell is None:
            self._shell = await asyncio.create_subprocess_exec(
                "bash", "--norc", stdin=PIPE, stdout=PIPE, stderr=STDOUT, cwd=self.place,
                env=self.env, start_new_session=True,
            )  # fmt: skip
            self._owner.push_async_callback(self._end)
        assert self._shell.stdin is not None
        # The shell's own input is what is still to be typed.
        ssh = f"export SSH_PORT={self.env.get('SSH_PORT', '')}"
        said = []
        async with _turn(text):
            self._shell.stdin.write(f'{ssh}\n{{ {text}\n}} </dev/null\necho "{_END}$?"\n'.encode())
            await self._shell.stdin.drain()
            async with asyncio.timeout(SECONDS):
                while not (line := await self._line()).startswith(_END):
                    said.append(line)
        printed = "\n".join(said)
        assert line == f"{_END}0", f"{command.text} (line {command.line}): {line}\n{printed}"
        for expected in command.said:
            assert expected in said, f"{command.text} (line {command.line}) said:\n{printed}"
        return printed

    async def _line(self) -> str:
        assert self._shell is not None
        assert self._shell.stdout is not None
        line = await self._shell.stdout.readline()
        assert line, "the shell has ended"
        return line.decode(errors="replace").rstrip("\n")

    async def show(self, command: Command, sees: str) -> None:
        """Type a command that opens the screen, see what it shows, and leave it."""
        text = await self.here(command.text)
        terminal = Tmux(100, 30, env=self.env)
        try:
            async with _turn(text):
                terminal.run("sh", "-c", f"cd {self.place} && exec {text.split('#')[0]}")
                await terminal.sees(sees)
                terminal.press("C-q")
                assert await terminal.exit_status() == 0
        finally:
            terminal.close()

    async def serve(self, command: Command, sees: Callable[[str], Awaitable[None]]) -> None:
        """Type a command that serves until it is ended, look at what it serves, and end it."""
        text = await self.here(command.text)
        words = ["bash", "-c", f"exec {text} --port {self._port}"]
        server = await asyncio.create_subprocess_exec(
            *words, cwd=self.place, env=self.env, stdout=PIPE, stderr=STDOUT
        )
        try:
            assert server.stdout is not None
            url = f"http://localhost:{self._port}"
            async with asyncio.timeout(SECONDS):
                assert url in (await server.stdout.readline()).decode()
            await sees(url)
        finally:
            server.terminate()
            await asyncio.wait_for(server.communicate(), SECONDS)

    async def _end(self) -> None:
        """End the shell, and whatever was left to run by it."""
        assert self._shell is not None
        for file in self.place.glob("*.pid"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(file.read_text()), signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGTERM)
            self._shell.kill()
        await self._shell.communicate()


def _value(text: str) -> Callable[[], Awaitable[str]]:
    async def make() -> str:
        return text

    return make


@contextlib.asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """A stage without a VM; nothing of it is left at the end."""
    with tempfile.TemporaryDirectory(prefix="bd-docs-") as place:
        async with contextlib.AsyncExitStack() as owner:
            yield Stage(Path(place), owner)
