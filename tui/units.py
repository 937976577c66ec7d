"""Sizes, rates and times as an operator reads them: short, and never wider than a column.

`-` stands for what is not known.
"""

import math
import re

UNKNOWN = "-"

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_MEASURE = re.compile(r"(-?\d+(?:\.\d)?) ((?:[KMGTPE]i)?B)(/s)?")
_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def size(count: float | None) -> str:
    """A number of bytes in binary units: `512 B`, `12.3 GiB`, `512 MiB`; 8 cells at the most."""
    if count is None:
        return UNKNOWN
    value = float(count)
    unit = 0
    # What would be rounded to 1024 belongs to the next unit.
    while abs(value) >= 1023.5 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    decimals = 1 if unit > 0 and abs(value) < 99.95 else 0
    return f"{value:.{decimals}f} {_UNITS[unit]}"


def rate(per_second: float | None) -> str:
    """Bytes a second: `41.2 MiB/s`; 10 cells at the most."""
    return UNKNOWN if per_second is None else f"{size(per_second)}/s"


def aligned(text: str, width: int) -> str:
    """A size or a rate such that numbers end, and units begin, under each other in a column.

    Args:
        text: as of `size` or `rate`; anything else stands on the right.
        width: of the column, in cells; 8 for sizes and 10 for rates have room for all.
    """
    found = _MEASURE.fullmatch(text)
    if found is None:
        return text.rjust(width)
    number, unit, per = found.groups(default="")
    return f"{number} {f'{unit}{per}'.ljust(len('KiB') + len(per))}".rjust(width)


def duration(seconds: float | None) -> str:
    """A span of time in its two leading units: `3 s`, `4 min 05 s`, `2 h 03 min`, `1 d 4 h`."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def milliseconds(seconds: float) -> str:
    """A short span of time: `0.4 ms`, `12 ms`, `3.2 s`."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    count = seconds * 1000
    return f"{count:.1f} ms" if count < 10 else f"{count:.0f} ms"


def percent(fraction: float | None) -> str:
    """A fraction of 1 in percent, rounded down: `100%` is only said of what is done."""
    if fraction is None:
        return UNKNOWN
    if fraction >= 1:
        return "100%"
    return f"{math.floor(max(0.0, fraction) * 1000) / 10:.1f}%"


def times(factor: float) -> str:
    """How many times as much, as precise as that is known: `3.2 times`, `over 1,000 times`."""
    if factor >= 1000:
        return "over 1,000 times"
    if factor >= 99.5:
        return f"about {round(factor, -2):,.0f} times"
    return f"{factor:.{1 if factor < 9.95 else 0}f} times"
