"""The terminal, as it is over SSH: a line that stalls, drops, or cannot show Unicode.

Textual's own driver blocks the event loop as soon as the terminal stops reading, which would stop
the QMP side as well. This one drops frames instead, and paints the screen anew once the line moves
again.
"""

import asyncio
import os
import select
import termios
import threading
from collections.abc import Callable
from queue import Queue
from typing import TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

from tui.ascii import ascii_only

if TYPE_CHECKING:
    from textual.app import App

BACKLOG = 20
"""Writes that may wait for the terminal; Textual's writer blocks beyond 30."""

RECOVERY = 0.25
"""Seconds between looks at whether a stalled terminal reads again."""

LAST_WORDS = (
    b"\x1b[<u\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1049l\x1b[?25h\x1b[?1004l\x1b[?7h"
)
"""Leaves the alternate screen, mouse reporting and bracketed paste, and shows the cursor."""


class PatientDriver(LinuxDriver):
    """A driver that never waits for the terminal.

    Attributes:
        unicode: whether the terminal shows Unicode; else everything is sent in ASCII.
        dropped: how many writes were thrown away because the terminal did not read.
    """

    unicode = True

    def __init__(self, app: "App[Any]", **options: Any) -> None:
        super().__init__(app, **options)
        self.dropped = 0
        self._recovering = False

    @property
    def stalled(self) -> bool:
        """Whether the terminal is not reading what is written to it."""
        queue = self._backlog()
        return queue is not None and queue.qsize() >= BACKLOG

    def _backlog(self) -> "Queue[str | None] | None":
        # Textual offers no look at its writer's queue; a test holds this against each release.
        writer = self._writer_thread
        return None if writer is None else writer._queue

    def write(self, data: str) -> None:
        """Write, or drop the frame when the terminal is stalled."""
        if self.stalled:
            self.dropped += 1
            self._recover_later()
            return
        super().write(data if self.unicode else ascii_only(data))

    def close(self) -> None:
        """End the writer, unless it hangs on a terminal that does not read."""
        if not self.stalled:
            super().close()

    def _recover_later(self) -> None:
        if not self._recovering:
            self._recovering = True
            asyncio.get_running_loop().call_later(RECOVERY, self._recover)

    def _recover(self) -> None:
        self._recovering = False
        queue = self._backlog()
        if queue is None or not self._app.is_running:
            return
        if queue.qsize() > 0:
            self._recover_later()
        else:
            # What was dropped is unknown to the terminal: nothing on it can be trusted.
            self._app.refresh(layout=True)


class HangUpWatch:
    """Tells, without polling, when the terminal's other end is gone.

    SIGHUP may be ignored or never be sent; a closed terminal then reads as empty for ever and
    Textual's input thread would spin.
    """

    def __init__(self, terminal: int, on_hang_up: Callable[[], None]) -> None:
        self._terminal = terminal
        self._on_hang_up = on_hang_up
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._wait, name="hang-up watch", daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        poll = select.poll()
        # No event is asked for: POLLHUP and POLLERR are reported always.
        poll.register(self._terminal, 0)
        poll.poll()
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._on_hang_up)


def leave_at_the_latest(
    seconds: float, status: int, terminal: int, attributes: list[Any] | None
) -> None:
    """End the process after `seconds` whatever still hangs, the terminal as it was found."""

    def leave() -> None:
        try:
            if attributes is not None:
                termios.tcsetattr(terminal, termios.TCSANOW, attributes)
            os.set_blocking(2, False)
            os.write(2, LAST_WORDS)
        except OSError:
            # The terminal is gone or full: there is nobody to restore it for.
            pass
        except termios.error:
            pass
        finally:
            os._exit(status)

    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()
