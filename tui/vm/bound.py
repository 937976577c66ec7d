"""How long a write of the guest may take while a backup runs."""

import re
from dataclasses import dataclass
from typing import Self

from tui.units import milliseconds

_UNKNOWN_BEFORE = 0.020
"""Seconds that a write may take where it is not known how long it took before."""


@dataclass(frozen=True, slots=True)
class Bound:
    """How long a write of the guest may take.

    Attributes:
        factor: so many times as long as before the backup.
        seconds: or so long, whatever it was before.
    """

    factor: float | None = 2.0
    seconds: float | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2x`, `1.5`, `20 ms`, `0.1 s`.

        Raises:
            ValueError: it is none of these, with a sentence for the operator.
        """
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(x|ms|s|)", text.strip().lower())
        if found is None:
            raise ValueError("How long a write may take: as 2x (twice as before), 20 ms or 0.1 s")
        number, unit = float(found[1]), found[2]
        if unit in ("x", ""):
            if not 1 < number <= 1000:
                raise ValueError("More than 1x and at most 1000x of what it was before")
            return cls(factor=number)
        seconds = number / 1000 if unit == "ms" else number
        if not 0 < seconds <= 60:
            raise ValueError("More than 0 and at most 60 s")
        return cls(factor=None, seconds=seconds)

    def __str__(self) -> str:
        if self.seconds is not None:
            return milliseconds(self.seconds)
        return f"{self.factor:g}x"

    def allowed(self, before: float | None) -> float:
        """Seconds that a write may take, given what it took before."""
        if self.seconds is not None:
            return self.seconds
        if before is None or self.factor is None:
            return _UNKNOWN_BEFORE
        return self.factor * before
