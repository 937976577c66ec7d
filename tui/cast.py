"""Writes down what a terminal is sent, as an asciinema cast of version 2.

The format: a line of JSON that tells the size, then a line for each event, `[seconds, code, data]`,
with the code `o` for output and `r` for another size.
"""

import json
import os
import queue
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

LAST_PATIENCE = 2.0
"""Seconds that the disk has for what is still to be written when the recording ends."""

_KEPT = ("TERM", "SHELL")


class Header(BaseModel):
    """The first line of a cast.

    Attributes:
        timestamp: when it began, in seconds since the epoch.
        env: what of the environment tells how the terminal shows things.
    """

    model_config = ConfigDict(frozen=True)

    version: int = 2
    width: int
    height: int
    timestamp: int
    title: str = "BlockDeck"
    env: dict[str, str] = {}


class Cast:
    """A recording.

    The disk is waited for in a thread of its own, never by who records.

    Args:
        path: a file that is not there yet; only its owner may read it.

    Raises:
        OSError: it cannot be made, `FileExistsError` where it is there already.

    Attributes:
        problem: why the recording ended early; None while it goes on.
    """

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self.path = path
        self.problem: OSError | None = None
        self._began: float | None = None
        self._size = (0, 0)
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._write, args=(descriptor,), name="cast", daemon=True
        )
        self._thread.start()

    def output(self, data: str, size: tuple[int, int], environ: Mapping[str, str]) -> None:
        """Write down what a terminal of `size` (columns, lines) is sent now."""
        now = time.monotonic()
        if self._began is None:
            self._began, self._size = now, size
            kept = {name: environ[name] for name in _KEPT if name in environ}
            width, height = size
            header = Header(width=width, height=height, timestamp=int(time.time()), env=kept)
            self._lines.put(header.model_dump_json())
        seconds = round(now - self._began, 6)
        if size != self._size:
            self._size = size
            self._event(seconds, "r", "x".join(map(str, size)))
        self._event(seconds, "o", data)

    def close(self) -> None:
        """End it; what is written by then stays."""
        self._lines.put(None)
        self._thread.join(LAST_PATIENCE)

    def _event(self, seconds: float, code: str, data: str) -> None:
        self._lines.put(json.dumps([seconds, code, data]))

    def _write(self, descriptor: int) -> None:
        with os.fdopen(descriptor, "w", encoding="utf-8", buffering=1) as file:
            while (line := self._lines.get()) is not None:
                if self.problem is not None:
                    continue
                try:
                    file.write(f"{line}\n")
                except OSError as error:
                    self.problem = error
