"""A bar of text."""

_THIRDS = "░▒▓"
"""A cell that is filled in part is shaded: a narrower block would leave a gap behind it.

These signs, unlike the narrower blocks, are in the font of a Linux console, too.
"""


def bar(part: float, width: int) -> str:
    """A part from 0 to 1 of so many cells, in thirds of a cell; never full before it is 1."""
    width = max(0, width)
    full, thirds = divmod(int(min(max(part, 0.0), 1.0) * width * 3), 3)
    return ("█" * full + _THIRDS[thirds]).ljust(width, "░")[:width]
