"""Many changes, few repaints."""

import asyncio
import time
from collections.abc import Callable


class Coalescer:
    """Calls `action` at once for the first change, then at most every `interval` seconds.

    Nothing is scheduled while nothing changes.
    """

    def __init__(self, interval: float, action: Callable[[], None]) -> None:
        self._interval = interval
        self._action = action
        self._last = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def changed(self) -> None:
        """Note a change."""
        if self._timer is None:
            wait = max(0.0, self._last + self._interval - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(wait, self._act)

    def stop(self) -> None:
        """Drop a call that is still to come."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _act(self) -> None:
        self._timer = None
        self._last = time.monotonic()
        self._action()
