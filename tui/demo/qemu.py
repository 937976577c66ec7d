"""Runs one QEMU whose monitors can be connected to at once, and which dies with this process."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from tui.demo import leash
from tui.demo.errors import DemoError
from tui.demo.spawn import end, spawn

_LOG_LINES = 6
_BACKLOG = 1
_WAITING = "QEMU waiting for connection on"


class Qemu:
    """A running QEMU.

    Attributes:
        pid: its process id.
    """

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.pid = process.pid
        self._process = process
        self._log = log

    async def ended(self) -> str:
        """Wait until QEMU has ended; tells how, in words, with its last lines of output."""
        status = await self._process.wait()
        how = f"QEMU was killed by signal {-status}" if status < 0 else f"QEMU ended ({status})"
        text = self._log.read_text(errors="backslashreplace")
        lines = [line for line in text.strip().splitlines() if _WAITING not in line]
        return "\n".join([how, *lines[-_LOG_LINES:]])

    async def kill(self) -> None:
        """End it at once and reap it; idempotent."""
        await end(self._process)


@contextlib.asynccontextmanager
async def running_qemu(
    program: Path, options: Sequence[str], monitors: Sequence[Path], log: Path
) -> AsyncIterator[Qemu]:
    """Run QEMU with a QMP monitor on each of the given sockets; it is killed at the end.

    The sockets are made and listened on here and handed to QEMU, so that a client can connect at
    once and is greeted when QEMU is ready, or hung up on when it refuses to start. The last of them
    is waited for: QEMU goes on starting when somebody is there, and to that one it never stumbles
    over its own start, in which now and then a client that comes too early is greeted twice or not
    answered. The others are to be connected to after its first answer.

    Raises:
        DemoError: the program cannot be run, or a socket cannot be made.
    """
    with _listening(monitors) as sockets:
        process = await _spawn(program, [*options, *_monitor_options(sockets)], sockets, log)
    qemu = Qemu(process, log)
    try:
        yield qemu
    finally:
        await qemu.kill()


async def _spawn(
    program: Path, options: Sequence[str], sockets: Sequence[socket.socket], log: Path
) -> asyncio.subprocess.Process:
    leashed = (sys.executable, "-I", "-S", leash.__file__, str(os.getpid()))
    try:
        with log.open("wb") as output:
            return await spawn(
                *leashed,
                program,
                *options,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=output,
                pass_fds=[sock.fileno() for sock in sockets],
                # Ctrl-C in the terminal is for this process, which then ends QEMU in order.
                start_new_session=True,
            )
    except OSError as error:
        raise DemoError(f"{program} cannot be run: {error}") from error


def _monitor_options(sockets: Sequence[socket.socket]) -> Iterator[str]:
    for number, sock in enumerate(sockets, start=1):
        name = f"monitor{number}"
        wait = "on" if number == len(sockets) else "off"
        yield from ("-chardev", f"socket,id={name},fd={sock.fileno()},server=on,wait={wait}")
        yield from ("-mon", f"chardev={name},mode=control")


@contextlib.contextmanager
def _listening(paths: Sequence[Path]) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        sockets = []
        for path in paths:
            sock = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            try:
                sock.bind(str(path))
                sock.listen(_BACKLOG)
            except OSError as error:
                raise DemoError(f"no monitor socket can be made at {path}: {error}") from error
            sockets.append(sock)
        yield sockets
