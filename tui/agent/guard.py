"""The watchdog, from the side of the process that it watches."""

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Self

from tui.agent import watchdog
from tui.agent.errors import AgentError

_START_SECONDS = 10.0
_END_SECONDS = 2.0

PATIENCE = 900.0
"""Seconds for which a watchdog tries to thaw a guest, after which nobody does."""


class Guard:
    """A watchdog that stands by. Made by `start`.

    Attributes:
        lost: done as soon as the watchdog has gone.
    """

    def __init__(self, control: int, sign: int) -> None:
        self._control = control
        self._sign = sign
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(sign, self._hear)

    @classmethod
    async def start(cls, line: int, path: Path, seconds: float, patience: float = PATIENCE) -> Self:
        """Start a watchdog that holds a line to the agent, and wait until it stands.

        Args:
            line: the line's file descriptor.
            path: the agent's socket.
            seconds: how long after it was armed it takes over.
            patience: seconds for which it then tries.

        Raises:
            AgentError: it does not start; there must be no freezing without it.
        """
        spawning = asyncio.ensure_future(asyncio.to_thread(_spawn, line, path, seconds, patience))
        try:
            ends = await asyncio.shield(spawning)
        except asyncio.CancelledError:
            spawning.add_done_callback(_abandon)
            raise
        except (OSError, subprocess.SubprocessError) as error:
            raise AgentError(f"the watchdog that would thaw the guest: {error}") from error
        return cls(*ends)

    def arm(self) -> None:
        """From now on it thaws the guest if this process does not.

        Raises:
            AgentError: it is not there any more.
        """
        try:
            os.write(self._control, b"A")
        except OSError as error:
            raise AgentError("the watchdog that would thaw the guest has ended") from error

    async def dismiss(self) -> None:
        """The guest is thawed: it is not needed any more. Wait until it lets go of the line."""
        # It may have ended by itself.
        with contextlib.suppress(OSError):
            os.write(self._control, b"D")
        try:
            await asyncio.wait([self.lost], timeout=_END_SECONDS)
        finally:
            self.leave()

    def leave(self) -> None:
        """Let go of it: if it is armed, it takes over."""
        if self._control >= 0:
            asyncio.get_running_loop().remove_reader(self._sign)
            os.close(self._control)
            os.close(self._sign)
            self._control = -1

    def _hear(self) -> None:
        if not os.read(self._sign, 64) and not self.lost.done():
            asyncio.get_running_loop().remove_reader(self._sign)
            self.lost.set_result(None)


def _abandon(spawning: "asyncio.Future[tuple[int, int]]") -> None:
    if not spawning.cancelled() and spawning.exception() is None:
        for end in spawning.result():
            os.close(end)


def _spawn(line: int, path: Path, seconds: float, patience: float) -> tuple[int, int]:
    """Start it, and wait until it stands; the ends of its input and of its output."""
    given, control = os.pipe()
    sign, told = os.pipe()
    command = [sys.executable, "-I", "-S", watchdog.__file__, str(line), str(path)]
    try:
        subprocess.run(
            [*command, str(seconds), str(patience)],
            stdin=given,
            stdout=told,
            stderr=subprocess.DEVNULL,
            pass_fds=[line],
            timeout=_START_SECONDS,
            check=True,
        )
    except BaseException:
        os.close(control)
        os.close(sign)
        raise
    finally:
        os.close(given)
        os.close(told)
    if os.read(sign, 1) != b"R":
        os.close(control)
        os.close(sign)
        raise OSError("it ended at once")
    return control, sign
