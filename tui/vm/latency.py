"""How long the guest's writes take, and how long they took before a backup."""

from collections.abc import Mapping
from dataclasses import dataclass

from tui.vm.inventory import StatsSample

_WEIGHT = 0.3
"""How much of a new look goes into the mean of what was before."""

_SHORTEST_SPAN = 0.5
"""Seconds below which two looks are too near to each other."""


@dataclass(frozen=True, slots=True)
class WriteWait:
    """The mean time of a write of the guest, in seconds; None is not known, or none was made.

    Attributes:
        now: between the last two looks.
        before: in the time before the disk had a job.
    """

    now: float | None = None
    before: float | None = None

    @property
    def factor(self) -> float | None:
        """How many times as long as before a write takes now."""
        return self.now / self.before if self.now is not None and self.before else None


class WriteWaits:
    """Follows the writes of each disk from look to look of `query-blockstats`."""

    def __init__(self) -> None:
        self._last: StatsSample | None = None
        self._now: dict[str, float | None] = {}
        self._before: dict[str, float] = {}
        self._rates_before: dict[str, float] = {}

    def add(self, sample: StatsSample, busy: frozenset[str]) -> None:
        """Take in a look.

        Args:
            sample: what QEMU has counted.
            busy: keys of the disks that a job works on: theirs is no time before.
        """
        last = self._last
        if last is not None and sample.taken - last.taken < _SHORTEST_SPAN:
            return
        self._last = sample
        if last is None:
            return
        for key in sample.writes:
            wait = mean_write(key, last.writes, sample.writes)
            self._now[key] = wait
            if wait is not None and key not in busy:
                known = self._before.get(key, wait)
                self._before[key] = known + _WEIGHT * (wait - known)
            if key not in busy and key in last.totals:
                span = sample.taken - last.taken
                rate = max(0.0, (sample.totals[key][1] - last.totals[key][1]) / span)
                before = self._rates_before.get(key, rate)
                self._rates_before[key] = before + _WEIGHT * (rate - before)

    def rate_before(self, key: str) -> float | None:
        """Bytes a second that a disk was written before it had a job; None is not known."""
        return self._rates_before.get(key)

    @property
    def looked(self) -> float:
        """When the last look was, in monotonic seconds; 0 before the first."""
        return self._last.taken if self._last is not None else 0.0

    def of(self, key: str) -> WriteWait:
        """What is known of a disk."""
        return WriteWait(self._now.get(key), self._before.get(key))


def mean_write(
    key: str, before: Mapping[str, tuple[int, int]], after: Mapping[str, tuple[int, int]]
) -> float | None:
    """Seconds that a write took between two looks; None where there was none."""
    (writes_0, took_0), (writes_1, took_1) = before.get(key, (0, 0)), after[key]
    if key not in before or writes_1 <= writes_0 or took_1 < took_0:
        return None
    return (took_1 - took_0) / (writes_1 - writes_0) / 1e9
