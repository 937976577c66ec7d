"""How fast a job gets on."""

from collections import deque

RATE_WINDOW = 10.0
"""Seconds over which a job's rate is averaged."""


class Progress:
    """Samples of (time, offset) within the rate window."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=64)

    def add(self, now: float, offset: int) -> None:
        """Note how far the job is at a moment of the monotonic clock."""
        if self._samples and offset < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((now, offset))
        while len(self._samples) > 2 and now - self._samples[1][0] >= RATE_WINDOW:
            self._samples.popleft()

    def rate(self) -> float | None:
        """Bytes a second; None before there are two samples at different times."""
        if len(self._samples) < 2:
            return None
        (start, first), (end, last) = self._samples[0], self._samples[-1]
        return (last - first) / (end - start) if end > start else None
