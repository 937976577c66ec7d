"""Easy on the guest: which speed of a backup keeps the guest's writes quick enough.

The speed is halved as soon as writes take longer than they may, and grows slowly while they do not.
While the guest writes nothing it grows fast. Where no speed helps, because each write waits for
the target itself, slowness would only prolong it: then the backup is let go.
"""

from tui.units import milliseconds, rate
from tui.vm.bound import Bound
from tui.vm.latency import Wait

FLOOR = 256 * 1024
"""Bytes a second; it is never steered below."""

_FLOOR_PART = 50
"""Nor below such a part of the rate it had when it was free."""

_CALM = 0.8
"""Up to this part of the bound writes are quick enough for more speed."""

_GROWTH, _NEAR_GROWTH, _IDLE_GROWTH = 1.15, 1.02, 2.0
_NEAR = 0.85
"""From this part of the speed that was too much the last time on, it grows more slowly."""

_IDLE_SECONDS = 2.0
_IDLE_WAITS = 3.0
"""Without a write for so long, and for so many times the last wait, the guest counts as idle: a
write that still waits is not seen."""

_FUTILE_LOOKS = 6
"""Looks in a row that slowness did not help, after which it is given up."""

_GIVEN_UP_SECONDS = 60.0


class Easy:
    """Steers the speed of one job.

    Args:
        bound: how long the guest's writes may take.
        ceiling: the operator's own limit in bytes a second; 0 is none.

    Attributes:
        words: what it does and why, for the operator.
    """

    def __init__(self, bound: Bound, ceiling: int = 0) -> None:
        self.bound = bound
        self.words = "watches the guest's writes"
        self._ceiling = ceiling
        # The speed it is held at; None is the operator's own limit.
        self._cap: float | None = None
        self._best = 0.0
        self._too_much: float | None = None
        self._quiet_since: float | None = None
        self._last_wait = 0.0
        self._futile = 0
        self._fresh_change = False
        self._let_go_until = float("-inf")

    @property
    def speed(self) -> int:
        """The limit that the job is to have, in bytes a second; 0 is none."""
        if self._cap is None:
            return self._ceiling
        cap = max(1, round(self._cap))
        return min(cap, self._ceiling) if self._ceiling else cap

    @property
    def ceiling(self) -> int:
        """The operator's own limit in bytes a second; 0 is none."""
        return self._ceiling

    @ceiling.setter
    def ceiling(self, limit: int) -> None:
        self._ceiling = limit

    def look(self, now: float, wait: Wait, pace: float | None) -> int:
        """Take in a look at the guest's writes and return the speed that the job is to have.

        Args:
            now: monotonic seconds.
            wait: how long writes took since the last look, and before the backup.
            pace: how fast the job copied, in bytes a second; None is not known.
        """
        if self._cap is None and pace is not None:
            self._best = max(self._best, pace)
        if wait.now is not None:
            self._quiet_since, self._last_wait = None, wait.now
            if self._fresh_change:
                # What was measured is partly of the time before the change.
                self._fresh_change = False
                return self.speed
        allowed = self.bound.allowed(wait.before)
        if now < self._let_go_until:
            return self.speed
        if wait.now is None:
            self._nothing_written(now)
        elif wait.now > allowed:
            self._too_slow(now, wait, allowed, pace)
        else:
            self._quick_enough(wait.now, allowed)
        return self.speed

    def _nothing_written(self, now: float) -> None:
        if self._quiet_since is None:
            self._quiet_since = now
        if now - self._quiet_since < max(_IDLE_SECONDS, _IDLE_WAITS * self._last_wait):
            return
        self._futile = 0
        self._too_much = None
        self._fresh_change = False
        if self._cap is None:
            self.words = "the guest writes nothing"
        self._raise(_IDLE_GROWTH, "the guest writes nothing")

    def _too_slow(self, now: float, wait: Wait, allowed: float, pace: float | None) -> None:
        said = f"writes take {milliseconds(wait.now or 0)}, may take {milliseconds(allowed)}"
        if wait.before is None and self.bound.seconds is None:
            said += " (before is not known)"
        held = self._cap if self._cap is not None else float("inf")
        base = min(held, pace) if pace else held
        if base == float("inf"):
            # How fast it copies is not known yet.
            self.words = said
            return
        floor = max(FLOOR, self._best / _FLOOR_PART)
        if held <= floor:
            self._futile += 1
            if self._futile >= _FUTILE_LOOKS:
                self._let_go(now, said)
            return
        # A moment without progress says little: never down by more than to a quarter.
        self._too_much = base
        lowest = held / 4 if held != float("inf") else floor
        self._cap = max(floor, lowest, base / 2)
        self._fresh_change = True
        self.words = f"{said}: down to {rate(self._cap)}"

    def _let_go(self, now: float, said: str) -> None:
        self._cap = self._too_much = None
        self._futile = 0
        self._let_go_until = now + _GIVEN_UP_SECONDS
        self.words = f"{said}, however slow the copy is: it is let go for a minute"

    def _quick_enough(self, wait: float, allowed: float) -> None:
        self._futile = 0
        said = f"writes take {milliseconds(wait)}, may take {milliseconds(allowed)}"
        if self._cap is None or wait > _CALM * allowed:
            self.words = said
            return
        near = self._too_much is not None and self._cap >= _NEAR * self._too_much
        self._raise(_NEAR_GROWTH if near else _GROWTH, said)

    def _raise(self, growth: float, said: str) -> None:
        if self._cap is None:
            return
        self._cap *= growth
        top = min(limit for limit in (self._ceiling or float("inf"), 2 * self._best) if limit)
        if self._cap >= top:
            self._cap = None
            self.words = f"{said}: free again"
        else:
            self.words = f"{said}: up to {rate(self._cap)}"
