"""Room on the file system of a backup's target: how much, for how long, and whether it will do."""

from collections import deque
from enum import IntEnum
from typing import NamedTuple

_WINDOW = 20.0
"""Seconds over which the fall of the free space is measured."""

_SHORTEST_SPAN = 1.0
"""Seconds below which two looks say nothing about a fall."""

_ROOM_MADE = 1.1
"""So many times as much as at the last look is free when somebody made room."""

_SOON = 120.0
"""Seconds until full, from which on a shortage is urgent."""

_METADATA = 1 << 20
_PER_METADATA = 1024
"""An image needs a little more than its data: a MiB, and a part in so many."""

_LEAST = 16 << 20
_LEAST_PART = 200
_MOST = 1 << 30
_IN_TIME = 3.0
"""A backup is cancelled while there is room left for so many seconds, or a 200th of all, but that
between 16 MiB and a GiB."""

_UNHURRIED = 5.0
_LAST_STRETCH = 4.0
"""Seconds that a backup that will not fit is to take for the room above the reserve, and at the
least for as much as the reserve itself."""

_FASTEST = float(8 << 30)
"""Bytes a second that no backup copies."""


class Shortage(IntEnum):
    """How bad it is."""

    NONE = 0
    FORESEEN = 1
    SOON = 2


class Look(NamedTuple):
    """What the file system said at one moment.

    Attributes:
        taken: monotonic seconds.
        free: bytes that QEMU's user can still have.
        total: bytes of all of it.
        device: the number of the file system's device.
        filled: whether the target has had all of its blocks from the beginning.
        held: bytes that the target takes already.
    """

    taken: float
    free: int
    total: int
    device: int = 0
    filled: bool = False
    held: int = 0


class Space(NamedTuple):
    """Room for a job's target. Sizes are bytes.

    Attributes:
        free: what is left.
        total: the size of the file system.
        fall: by how many bytes a second it gets less, whoever takes them; None is not known.
        to_come: the most that the job can still write; None is not known.
        likely: what it will still write if its disk holds what it seems to; None is not known. A
            disk that is compressed where it lies holds more, so this is for warnings only.
        ends_in: seconds until all is copied at this rate; None is not known.
        device: the number of the file system's device: several jobs may share it.
        jobs: how many jobs write there.
    """

    free: int
    total: int
    fall: float | None = None
    to_come: int | None = None
    likely: int | None = None
    ends_in: float | None = None
    device: int = 0
    jobs: int = 1

    @property
    def full_in(self) -> float | None:
        """Seconds until nothing is left at this rate; None where it does not get less."""
        return self.free / self.fall if self.fall else None

    @property
    def ends_first(self) -> bool:
        """Whether all is copied before it is full, if both go on at this rate."""
        if self.ends_in is None or self.full_in is None:
            return False
        return self.ends_in < self.full_in

    @property
    def expected(self) -> int | None:
        """Bytes to reckon with: what is likely, else the most; None is not known."""
        return self.to_come if self.likely is None else self.likely

    @property
    def missing(self) -> int:
        """Bytes that are lacking if the job writes all it can; 0 where there is enough."""
        return max(0, (self.to_come or 0) - self.free)

    @property
    def shortage(self) -> Shortage:
        """Whether it will do."""
        if not self.missing:
            return Shortage.NONE
        if self.free <= self.reserve:
            return Shortage.SOON
        if (self.expected or 0) <= self.free:
            return Shortage.NONE
        soon = self.full_in is not None and self.full_in <= _SOON
        return Shortage.SOON if soon and not self.ends_first else Shortage.FORESEEN

    @property
    def reserve(self) -> int:
        """The free space at which a job that will not fit has to end, so that no write fails."""
        least = min(_LEAST, self.total // 8)
        part = min(_MOST, self.total // _LEAST_PART)
        return int(max(least, part, _IN_TIME * (self.fall or 0.0)))

    @property
    def safe_speed(self) -> int | None:
        """Bytes a second at which each job can be cancelled in time; None needs no limit."""
        unhurried = (self.free - self.reserve) / _UNHURRIED
        speed = max(unhurried, self.reserve / _LAST_STRETCH) / self.jobs
        return max(1, int(speed)) if self.missing and speed < _FASTEST else None

    @property
    def to_be_cancelled(self) -> bool:
        """Whether a job that will not fit has to end now, before a write of the guest fails."""
        return self.missing > 0 and self.free <= self.reserve


class SpaceTrend:
    """Follows the free space from look to look."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque()
        self._held_first = 0

    def add(self, look: Look) -> None:
        """Take in a look; one at another file system begins anew."""
        if not self._looks or self._looks[-1].device != look.device:
            self._looks.clear()
            self._held_first = look.held
        if self._looks and look.free > self._looks[-1].free * _ROOM_MADE:
            # What fell before says nothing any more.
            self._looks.clear()
        self._looks.append(look)
        while len(self._looks) > 2 and look.taken - self._looks[0].taken > _WINDOW:
            self._looks.popleft()

    def space(
        self, left: int | None, *, allocated: int | None = None, ends_in: float | None = None
    ) -> Space | None:
        """The room for a job; None before the first look.

        Args:
            left: bytes that it has left to copy.
            allocated: bytes that its disk holds, where its target takes no room for the rest.
            ends_in: seconds until it has copied all.
        """
        if not self._looks:
            return None
        first, last = self._looks[0], self._looks[-1]
        span = last.taken - first.taken
        fall = max(0.0, (first.free - last.free) / span) if span >= _SHORTEST_SPAN else None
        to_come = None if left is None else _on_disk(0 if last.filled else left)
        return Space(
            free=last.free,
            total=last.total,
            fall=fall,
            to_come=to_come,
            likely=self._likely(to_come, allocated, last.held - self._held_first),
            ends_in=ends_in,
            device=last.device,
        )

    @staticmethod
    def _likely(to_come: int | None, allocated: int | None, written: int) -> int | None:
        if to_come is None or allocated is None or written > _on_disk(allocated):
            # More was written than the disk seemed to hold: it is compressed, or in small pieces.
            return None
        return min(to_come, _on_disk(allocated) - max(0, written))


def _on_disk(left: int) -> int:
    return left + left // _PER_METADATA + _METADATA if left > 0 else 0
