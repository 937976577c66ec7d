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

from tests.waiting import until
from tui.paths import STYLES

CHECKOUT = STYLES.parent
A_SECOND = 1.5
"""A second, and half of one for a machine with other work to do."""
HANG_UP_SECONDS = 2.0
OWN_TERMINAL = ("setsid", "-c")
"""The pseudo terminal becomes the one that controls the process: losing it sends SIGHUP."""
NO_TERMINAL = ("setsid",)
"""No terminal controls the process: losing it sends nothing."""
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
            self.sent += os.read(self.master, 65536)
        except BlockingIOError:
            pass
        except OSError:
            # The last process on the terminal is gone.
            self.stall()

    async def has_sent(self, text: str, since: int = 0) -> None:
        """Wait until a text was sent, in one piece and one style."""
        try:
            await until(lambda: text.encode() in self.sent[since:])
        except AssertionError as error:
            raise AssertionError(f"{text!r} is not in {bytes(self.sent[since:])!r}") from error

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
