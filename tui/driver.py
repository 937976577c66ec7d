"""The terminal, as it is over SSH: a line that stalls, drops, or cannot show Unicode.

Textual's own driver blocks the event loop as soon as the terminal stops reading, which would stop
the QMP side as well. This one drops frames instead, and paints the screen anew once the line moves
again. And it keeps the order of keys that come in one packet, as they do on a slow line.
"""

import asyncio
import os
import select
import signal
import termios
import threading
from collections.abc import Callable
from queue import Queue
from typing import TYPE_CHECKING, Any

from textual import events
from textual.dom import DOMNode
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from tui.ascii import ascii_only
from tui.shown import ShownCells

if TYPE_CHECKING:
    from textual.app import App

    from tui.cast import Cast

BACKLOG = 20
"""Writes that may wait for the terminal; Textual's writer blocks beyond 30."""

RECOVERY = 0.25
"""Seconds between looks at whether a stalled terminal reads again."""

LAST_PATIENCE = 2.0
"""Seconds that a terminal has to take the last frames when BlockDeck is left."""

KEY_PATIENCE = 0.5
"""Seconds after which a key is passed on though the one before has had no effect yet."""

_KEY_GLANCE = 0.05

LAST_WORDS = (
    b"\x1b[<u\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1049l\x1b[?25h\x1b[?1004l\x1b[?7h"
)
"""Leaves the alternate screen, mouse reporting and bracketed paste, and shows the cursor."""


class PatientDriver(LinuxDriver):
    """A driver that never waits for the terminal.

    Attributes:
        cast: where all that is sent is written down.
        unicode: whether the terminal shows Unicode; else everything is sent in ASCII.
        dropped: how many writes were thrown away because the terminal did not read.
        stuck: whether the terminal has not even taken the last frames.
    """

    unicode = True
    cast: "Cast | None" = None

    def __init__(self, app: "App[Any]", **options: Any) -> None:
        super().__init__(app, **options)
        self.dropped = 0
        self.stuck = False
        self._recovering = False
        self._stopped = False
        self._shown = ShownCells()
        # Input has a thread of its own, and answers to the terminal are written from it.
        self._writing = threading.Lock()
        # Textual would stop and go on within the handler of the signal, in the midst of a write,
        # and would go on twice where something else has stopped the process: see `guard`.
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.signal(signal.SIGCONT, signal.SIG_DFL)

    # --- from the terminal -----------------------------------------------------------------------

    def process_message(self, message: Message) -> None:
        """Pass input on; a key waits, in the thread that reads keys, for the one before.

        A field handles what is typed at once, but editing keys only when they have come by the app:
        without this "a", backspace, "b" in one packet reads "a", "b", backspace (textual#6605).
        """
        if isinstance(message, events.Resize):
            self.forget_screen()
        super().process_message(message)
        if isinstance(message, events.Key | events.Paste):
            done = threading.Event()
            asyncio.run_coroutine_threadsafe(self._trail(done), self._loop)
            for _ in range(round(KEY_PATIENCE / _KEY_GLANCE)):
                if done.wait(_KEY_GLANCE) or self.exit_event.is_set():
                    return

    async def _trail(self, done: threading.Event) -> None:
        def begin() -> None:
            _follow(self._app.focused or self._app.screen, done)

        self._app.call_later(begin)

    # --- to the terminal -------------------------------------------------------------------------

    @property
    def stalled(self) -> bool:
        """Whether the terminal is not reading what is written to it."""
        queue = self._backlog()
        return queue is not None and queue.qsize() >= BACKLOG

    def _backlog(self) -> "Queue[str | None] | None":
        # Textual offers no look at its writer's queue; a test holds this against each release.
        writer = self._writer_thread
        return None if writer is None else writer._queue

    def forget_screen(self) -> None:
        """Have the next frames sent whole: others may have written on the terminal."""
        with self._writing:
            self._shown.forget()

    def write(self, data: str) -> None:
        """Write what is not shown already, or drop the frame when the terminal is stalled."""
        if self.stalled:
            self.dropped += 1
            self._loop.call_soon_threadsafe(self._recover_later)
            return
        with self._writing:
            size = self._app.size
            text = data if self.unicode else ascii_only(data)
            sent = self._shown.changes(text, (size.width, size.height))
            if not sent:
                return
            if self.cast is not None:
                self.cast.output(sent, size, os.environ)
            super().write(sent)

    def _recover_later(self) -> None:
        if not self._recovering:
            self._recovering = True
            self._loop.call_later(RECOVERY, self._recover)

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

    # --- stopping, and going on ------------------------------------------------------------------

    def stop(self) -> None:
        """Give the terminal back and stop the process, until SIGCONT."""
        self.suspend_application_mode()
        self._stopped = True
        os.kill(os.getpid(), signal.SIGSTOP)

    def go_on(self) -> None:
        """Take the terminal again after SIGCONT, also where it was not given back by `stop`."""
        if not self._stopped:
            self.suspend_application_mode()
        self._stopped = False
        self.forget_screen()
        self.resume_application_mode()
        self._app.refresh(layout=True)

    # --- leaving ---------------------------------------------------------------------------------

    def stop_application_mode(self) -> None:
        """Give the terminal back; frames that it has not taken by now are not worth the wait."""
        queue = self._backlog()
        if queue is not None and self.stalled:
            with queue.mutex:
                queue.queue.clear()
                queue.not_full.notify_all()
        super().stop_application_mode()

    def close(self) -> None:
        """End the writer, unless it hangs on a terminal that does not read."""
        writer, queue = self._writer_thread, self._backlog()
        if writer is None or queue is None:
            return
        if not self.stalled:
            queue.put(None)
            writer.join(LAST_PATIENCE)
        self.stuck = writer.is_alive()


def _follow(node: DOMNode | None, done: threading.Event) -> None:
    """Take the way of a key, behind it in each queue: from the focused widget up to the app."""

    def on(place: DOMNode) -> None:
        _follow(place.parent, done)

    while node is not None and not node.call_later(on, node):
        node = node.parent
    if node is None:
        done.set()


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
    timer = threading.Timer(seconds, leave_now, (status, terminal, attributes))
    timer.daemon = True
    timer.start()


def leave_now(status: int, terminal: int, attributes: list[Any] | None) -> None:
    """End the process at once, past everything that waits for the terminal."""
    try:
        if attributes is not None:
            termios.tcsetattr(terminal, termios.TCSANOW, attributes)
        _say_at_once(LAST_WORDS)
    except (OSError, termios.error):
        # The terminal is gone or full: there is nobody to restore it for.
        pass
    finally:
        os._exit(status)


def _say_at_once(words: bytes) -> None:
    # Whether writing blocks is a property of the terminal that the operator's shell shares.
    blocking = os.get_blocking(2)
    os.set_blocking(2, False)
    try:
        os.write(2, words)
    finally:
        os.set_blocking(2, blocking)
