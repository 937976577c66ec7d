"""Starts QEMUs with exactly the monitors a test asks for, and clients of those."""

import contextlib
import itertools
import json
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from subprocess import PIPE
from types import TracebackType
from typing import Any, Self

from tests.qemu import MACHINE
from tests.waiting import until
from tui.demo.qemu import Qemu, running_qemu
from tui.demo.qemu_binary import find_qemu
from tui.discovery.sockets import SocketTable

BARE = ("-S", "-no-user-config", "-nodefaults", "-display", "none", *MACHINE)


def qmp(path: Path, wait: str = "off") -> tuple[str, str]:
    """The option for a monitor at a path without commas."""
    return "-qmp", f"unix:{path},server=on,wait={wait}"


class Starter:
    """Starts QEMUs that live as long as the test."""

    def __init__(
        self, directory: Path, owner: contextlib.AsyncExitStack, numbers: Iterator[int]
    ) -> None:
        self._directory = directory
        self._owner = owner
        self._numbers = numbers

    async def __call__(self, *options: str, ready: Path | None = None) -> Qemu:
        """One more QEMU, once it has started, or once something is at `ready`.

        It has a human monitor as well, which speaks first, and does so when QEMU has started.
        """
        return await self._start((), options, ready)

    async def wrapped(self, *wrapper: str, options: Sequence[str]) -> Qemu:
        """One more QEMU, run by another program, which becomes it."""
        return await self._start(wrapper, options, None)

    async def _start(
        self, wrapper: Sequence[str], options: Sequence[str], ready: Path | None
    ) -> Qemu:
        found = find_qemu()
        human = self._directory / f"human{next(self._numbers)}"
        command = [*wrapper, str(found.system), *found.options, *BARE]
        command += ["-monitor", f"unix:{human},server=on,wait=off", *options]
        qemu = await self._run(Path(command[0]), command[1:], ready or human)
        if ready is None:
            await until(lambda: _listens(qemu.pid, human))
            with Client(human) as listener:
                await until(lambda: not listener.is_silent())
        return qemu

    async def storage_daemon(self, *options: str, ready: Path) -> Qemu:
        """A storage daemon, once something is at `ready`."""
        program = shutil.which("qemu-storage-daemon")
        assert program, "qemu-storage-daemon is not installed: scripts/setup.sh test"
        return await self._run(Path(program), list(options), ready)

    async def _run(self, program: Path, command: list[str], ready: Path) -> Qemu:
        log = self._directory / f"qemu{next(self._numbers)}.log"
        qemu = await self._owner.enter_async_context(running_qemu(program, command, [], log))
        try:
            await until(ready.exists)
        except AssertionError as error:
            raise AssertionError(log.read_text()) from error
        return qemu


@contextlib.asynccontextmanager
async def starting(directory: Path) -> AsyncIterator[Starter]:
    """`async with starting(tmp_path) as start:`; every QEMU is gone at the end."""
    async with contextlib.AsyncExitStack() as owner:
        yield Starter(directory, owner, itertools.count())


def _listens(pid: int, path: Path) -> bool:
    """Whether a socket is not only made, but takes connections."""
    return SocketTable.of_process(pid).listener(path) is not None


class Client:
    """A client of a monitor; it says nothing by itself."""

    def __init__(self, path: Path) -> None:
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(20)
        self._sock.connect(str(path))
        self._lines = self._sock.makefile("rb")

    def greeting(self) -> dict[str, Any]:
        """What the monitor says first; waits for its turn."""
        said = json.loads(self._lines.readline())
        assert isinstance(said, dict)
        return said

    def is_silent(self) -> bool:
        """Whether nothing has come so far."""
        return not select.select([self._sock], [], [], 0)[0]

    def leave(self) -> None:
        """Make room for another."""
        self._lines.close()
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()


_HOLD = """
import socket, sys
where = sys.argv[1]
if where.isdigit():
    sock = socket.create_connection(("127.0.0.1", int(where)))
else:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(where)
print(len(sock.recv(1)), flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def held_by_another(place: Path | int) -> Iterator[int]:
    """A client in a process of its own, which has been greeted; its process id.

    Args:
        place: the path of a socket, or a port of the loopback.
    """
    command = [sys.executable, "-I", "-S", "-c", _HOLD, str(place)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"1\n"
            yield process.pid
        finally:
            process.kill()
