"""How long the guest's reads and writes take, and how long they took before a backup."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from tui.vm.stats import Count

_WEIGHT = 0.3
"""How much of a new look goes into the mean of what was before."""

_SHORTEST_SPAN = 0.5
"""Seconds below which two looks are too near to each other."""


class Wait(NamedTuple):
    """The mean time of a request of the guest, in seconds; None is not known, or none was made.

    Attributes:
        now: of those that ended between the last two looks.
        before: in the time before the disk had a job.
        last: of those that ended last, however long ago.
        ended: when these were seen to have ended, in monotonic seconds.
        rate_before: bytes a second in the time before.
        slow_looks: at how many looks in a row, of those with any, they took `SLOW_FACTOR` times as
            long as before, and `SLOW_SECONDS` at the least.
    """

    now: float | None = None
    before: float | None = None
    last: float | None = None
    ended: float | None = None
    rate_before: float | None = None
    slow_looks: int = 0

    @property
    def factor(self) -> float | None:
        """How many times as long as before the last ones took."""
        return self.last / self.before if self.last is not None and self.before else None


_NOT_KNOWN = Wait()
SLOW_FACTOR = 5.0
SLOW_SECONDS = 0.02


class Waits:
    """Follows the reads, or the writes, of each disk from look to look."""

    def __init__(self) -> None:
        self._taken: float | None = None
        self._counts: Mapping[str, Count] = {}
        self._busy: Collection[str] = ()
        self._waits: dict[str, Wait] = {}

    def add(self, taken: float, counts: Mapping[str, Count], busy: Collection[str]) -> None:
        """Take in a look.

        Args:
            taken: monotonic seconds.
            counts: what QEMU has counted, by the disk's key.
            busy: keys of the disks that a job works on: theirs is no time before.
        """
        if self._taken is not None and taken - self._taken < _SHORTEST_SPAN:
            return
        span = taken - self._taken if self._taken is not None else 0.0
        counts_before, busy_before = self._counts, self._busy
        self._taken, self._counts, self._busy = taken, counts, busy
        for key, count in counts.items():
            before = counts_before.get(key)
            if before is not None:
                free = key not in busy and key not in busy_before
                self._waits[key] = self._follow(self.of(key), before, count, span, free=free)

    def _follow(self, wait: Wait, before: Count, after: Count, span: float, *, free: bool) -> Wait:
        now = mean(before, after)
        known = now if now is not None else wait.last
        ended = self._taken if now is not None else wait.ended
        if not free:
            return Wait(now, wait.before, known, ended, wait.rate_before, _slow(wait, now))
        rate = max(0.0, (after.size - before.size) / span)
        return Wait(
            now=now,
            before=wait.before if now is None else _mixed(wait.before, now),
            last=known,
            ended=ended,
            rate_before=_mixed(wait.rate_before, rate),
        )

    def recall(self, key: str, before: float | None, rate_before: float | None) -> None:
        """What was known of the time before a job when that was seen; what is known stays."""
        wait = self.of(key)
        self._waits[key] = wait._replace(
            before=before if wait.before is None else wait.before,
            rate_before=rate_before if wait.rate_before is None else wait.rate_before,
        )

    def interrupt(self) -> None:
        """Nobody looks for a while: what happens until the next look is no time of any kind."""
        self._taken, self._counts = None, {}

    @property
    def looked(self) -> float:
        """When the last look was, in monotonic seconds; 0 before the first."""
        return self._taken if self._taken is not None else 0.0

    def of(self, key: str) -> Wait:
        """What is known of a disk."""
        return self._waits.get(key, _NOT_KNOWN)


def _mixed(known: float | None, new: float) -> float:
    return new if known is None else known + _WEIGHT * (new - known)


def _slow(wait: Wait, now: float | None) -> int:
    """The looks in a row after one more; one without any says nothing."""
    if now is None:
        return wait.slow_looks
    slow = wait.before is not None and now >= max(SLOW_FACTOR * wait.before, SLOW_SECONDS)
    return wait.slow_looks + 1 if slow else 0


def mean(before: Count, after: Count) -> float | None:
    """Seconds that a request took between two looks; None where none ended."""
    if after.done <= before.done or after.took < before.took:
        return None
    return (after.took - before.took) / (after.done - before.done) / 1e9
