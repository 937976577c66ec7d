"""How fast a job gets on."""

from collections import deque
from typing import Any

RATES_KEPT = 120
"""How many rates are held at the most; beyond that two become one each, of twice the time."""

_SHORTEST_LOOK = 0.5
"""Seconds below which two looks say nothing about a rate."""

RATE_WINDOW = 10.0
"""Seconds over which a job's rate is averaged."""


class Progress:
    """Samples of (time, offset) within the rate window."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=64)
        # What was copied, in which time, in how many looks; and the rates of that.
        self._spans: list[tuple[int, float, int]] = []
        self._rates: list[float] = []
        self._rated = 0.0
        self._looks_each = 1
        self._pace: float | None = None
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

    def history(self) -> dict[str, Any]:
        """The members of a job that tell how fast it was, from look to look.

        `rates`, each of as many looks but the last, in bytes a second, `rated`, the seconds that
        they are of, and `pace`, the rate between the last two looks, None before there are two.
        """
        return {
            "rates": tuple(self._rates),
            "rated": self._rated,
            "pace": self._pace,
        }

    def _note_rate(self, now: float, offset: int) -> None:
        if self._last is None or offset < self._last[1]:
            self._last = (now, offset)
            return
        then, before = self._last
        if now - then >= _SHORTEST_LOOK:
            self._pace = (offset - before) / (now - then)
            self._last = (now, offset)
            self._note_span((offset - before, now - then, 1))

    def _note_span(self, span: tuple[int, float, int]) -> None:
        spans = self._spans
        self._rated += span[1]
        if spans and spans[-1][2] < self._looks_each:
            spans[-1] = _joined(spans[-1], span)
            self._rates[-1] = _rate(spans[-1])
            return
        spans.append(span)
        self._rates.append(_rate(span))
        if len(spans) > RATES_KEPT:
            newest = spans.pop()
            pairs = zip(spans[::2], spans[1::2], strict=True)
            self._spans = [*(_joined(one, other) for one, other in pairs), newest]
            self._rates = [_rate(span) for span in self._spans]
            self._looks_each *= 2


def _rate(span: tuple[int, float, int]) -> float:
    return span[0] / span[1]


def _joined(one: tuple[int, float, int], other: tuple[int, float, int]) -> tuple[int, float, int]:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]
