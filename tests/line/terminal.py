"""BlockDeck on a pseudo terminal whose other end, where the bytes arrive, the test holds."""

import asyncio
import fcntl
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pyte

from tests.waiting import PATIENCE, until
from tui.paths import STYLES

CHECKOUT = STYLES.parent
A_SECOND = 1.5
"""A second, and half of one for a machine with other work to do."""
HANG_UP_SECONDS = 2.0
OWN_TERMINAL = ("setsid", "-c")
"""The pseudo terminal becomes the one that controls the process: losing it sends SIGHUP."""
NO_TERMINAL = ("setsid",)
"""No terminal controls the process: losing it sends nothing."""
CURSOR = "005f87"
"""The background of what is highlighted, in the theme that one begins with."""
DEAF = ("sh", "-c", 'trap "" HUP; exec "$@"', "sh")
"""SIGHUP is ignored, as under nohup."""


class Line:
    """A `blockdeck` and all that it has sent; read while the test waits, unless it is `stalled`.

    Args:
        words: what is given to `blockdeck`.
        size: columns and lines.
        wrapped: what starts it.
        env: what else is in its environment.
    """

    def __init__(
        self,
        *words: str | Path,
        size: tuple[int, int] = (80, 24),
        wrapped: Sequence[str] = OWN_TERMINAL,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.sent = bytearray()
        self.size = size
        self._cells = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._cells)
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.attributes_before = termios.tcgetattr(slave)
        self._keeper = slave
        surroundings = {n: v for n, v in os.environ.items() if n not in ("COLUMNS", "LINES")}
        surroundings |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(env or {})}
        command = [*wrapped, sys.executable, "-m", "tui", *map(str, words)]
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, cwd=CHECKOUT, env=surroundings
        )
        os.set_blocking(self.master, False)
        self.resume()

    # --- what arrives ----------------------------------------------------------------------------

    def resume(self) -> None:
        """Read again what is sent."""
        asyncio.get_running_loop().add_reader(self.master, self._read)

    def stall(self) -> None:
        """Read no more."""
        asyncio.get_running_loop().remove_reader(self.master)

    def _read(self) -> None:
        try:
            piece = os.read(self.master, 65536)
        except BlockingIOError:
            return
        except OSError:
            # The last process on the terminal is gone.
            self.stall()
            return
        self.sent += piece
        self._stream.feed(piece)

    @property
    def other_end(self) -> int:
        """The terminal as other programs have it open."""
        return self._keeper

    @property
    def screen(self) -> str:
        """What a terminal shows of what was sent: its rows, one after the other."""
        return "".join(self.rows)

    @property
    def rows(self) -> list[str]:
        """The same, row by row."""
        return list(self._cells.display)

    @property
    def under_cursor(self) -> str:
        """The row of a list that is highlighted; "" where none is."""
        lit = (y for y in range(self.size[1]) if self._cells.buffer[y][1].bg == CURSOR)
        return next((self.rows[y] for y in lit), "")

    async def shows(self, *texts: str, within: float = PATIENCE) -> None:
        """Wait until these texts are on the screen; a row goes on in the next one."""
        try:
            await until(lambda: all(text in self.screen for text in texts), within)
        except AssertionError as error:
            rows = "\n".join(self.rows)
            raise AssertionError(f"not all of {texts} is on the screen:\n{rows}") from error

    async def quiet(self, seconds: float = 1.0) -> int:
        """Wait until nothing was sent for so long; returns how much was sent so far."""
        loop = asyncio.get_running_loop()
        mark, since = len(self.sent), loop.time()

        def still() -> bool:
            nonlocal mark, since
            if len(self.sent) != mark:
                mark, since = len(self.sent), loop.time()
            return loop.time() - since >= seconds

        await until(still)
        return mark

    async def sends_in(self, seconds: float) -> int:
        """How many bytes come in so much time."""
        mark = len(self.sent)
        await asyncio.sleep(seconds)
        return len(self.sent) - mark

    # --- what is done to it ----------------------------------------------------------------------

    def press(self, keys: bytes) -> None:
        """Send keys, in one packet."""
        assert os.write(self.master, keys) == len(keys)

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """Close the terminal."""
        self.stall()
        os.close(self._keeper)
        os.close(self.master)
        self.master = self._keeper = -1

    async def ended(self, within: float) -> int:
        """Wait for its end; returns the status as a shell tells it."""
        await until(lambda: self.process.poll() is not None, within)
        status = self.process.returncode
        return int(status) if status >= 0 else 128 - int(status)

    @property
    def attributes(self) -> list[Any]:
        """How the terminal is set up."""
        return termios.tcgetattr(self._keeper)

    @property
    def blocks(self) -> bool:
        """Whether the terminal blocks who reads it, as shells expect."""
        return os.get_blocking(self._keeper)

    def cpu_seconds(self) -> float:
        """The CPU time it has used."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def close(self) -> None:
        """Kill it, and let go of the terminal."""
        if self.master >= 0:
            self.hang_up()
        self.process.kill()
        self.process.wait()
