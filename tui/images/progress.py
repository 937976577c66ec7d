"""How far an act on images has come."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes that were gone through, of those of the whole act; `step` says what is done now."""

    step: str
    done: int
    total: int

    @property
    def fraction(self) -> float:
        """Of 1."""
        return min(1.0, self.done / self.total) if self.total else 1.0


OnProgress = Callable[[Progress], None]


def nobody(progress: Progress) -> None:
    """Tell nobody."""


class Meter:
    """Adds up the steps of an act.

    Args:
        total: the bytes of the whole act.
        tell: is told each time it comes further.
    """

    def __init__(self, total: int, tell: OnProgress) -> None:
        self._total = total
        self._tell = tell
        self._before = 0
        self._step = ""
        self._size = 0

    def begin(self, step: str, size: int) -> None:
        """The step before is done, this one of so many bytes begins."""
        self._before += self._size
        self._step, self._size = step, size
        self.at(0)

    def at(self, done: int) -> None:
        """So many bytes of the step are done."""
        done = min(done, self._size)
        self._tell(Progress(self._step, min(self._before + done, self._total), self._total))

    def fraction(self, fraction: float) -> None:
        """So much of the step is done, of 1."""
        self.at(int(self._size * fraction))

    def end(self) -> None:
        """All is done."""
        self._tell(Progress(self._step, self._total, self._total))
