"""How fast a job gets on."""

from collections import deque

RATES_KEPT = 120
"""How many rates between two looks are held; beyond that the oldest go."""

_SHORTEST_LOOK = 0.5
"""Seconds below which two looks say nothing about a rate."""

RATE_WINDOW = 10.0
"""Seconds over which a job's rate is averaged."""


class Progress:
    """Samples of (time, offset) within the rate window."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=64)
        self._rates: deque[float] = deque(maxlen=RATES_KEPT)
        self._last: tuple[float, int] | None = None

    def add(self, now: float, offset: int) -> None:
        """Note how far the job is at a moment of the monotonic clock."""
        if self._samples and offset < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((now, offset))
        self._note_rate(now, offset)
        while len(self._samples) > 2 and now - self._samples[1][0] >= RATE_WINDOW:
            self._samples.popleft()

    def rate(self) -> float | None:
        """Bytes a second; None before there are two samples at different times."""
        if len(self._samples) < 2:
            return None
        (start, first), (end, last) = self._samples[0], self._samples[-1]
        return (last - first) / (end - start) if end > start else None

    def rates(self) -> tuple[float, ...]:
        """Bytes a second from look to look, the newest last."""
        return tuple(self._rates)

    def _note_rate(self, now: float, offset: int) -> None:
        if self._last is None or offset < self._last[1]:
            self._last = (now, offset)
            return
        then, before = self._last
        if now - then >= _SHORTEST_LOOK:
            self._rates.append((offset - before) / (now - then))
            self._last = (now, offset)
