"""Many changes, few repaints."""

import asyncio
import time
from collections.abc import Callable

SHORTEST = 0.04
"""Seconds between two calls, at the least: what cannot be told from at once."""


class Coalescer:
    """Calls `action` for changes: the first at once, then every `interval` seconds at the most.

    For news it is called sooner: at once, but for news that follows on news. Then it waits, and
    the next may wait twice as long, up to `interval`; news that need not have waited halves that.
    So what happens now and then is seen at once, and a flood is two calls a second.
    Nothing is scheduled while nothing changes.
    """

    def __init__(self, interval: float, action: Callable[[], None]) -> None:
        self._interval = interval
        self._pause = min(SHORTEST, interval)
        self._action = action
        self._last = float("-inf")
        self._last_news = float("-inf")
        self._news_due = False
        self._timer: asyncio.TimerHandle | None = None

    def changed(self, *, news: bool = False) -> None:
        """Note a change."""
        now = time.monotonic()
        if news and not self._news_due:
            wait = max(0.0, self._last_news + self._pause - now)
            wanted = self._pause * (2 if wait else 0.5)
            self._pause = min(max(wanted, min(SHORTEST, self._interval)), self._interval)
            self._news_due = True
            self._schedule(wait)
        elif self._timer is None:
            self._schedule(max(0.0, self._last + self._interval - now))

    def stop(self) -> None:
        """Drop a call that is still to come."""
        self._news_due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, wait: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(wait, self._act)

    def _act(self) -> None:
        self._timer = None
        self._last = time.monotonic()
        if self._news_due:
            self._last_news, self._news_due = self._last, False
        self._action()
