"""A bar of text."""

_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def bar(part: float, width: int) -> str:
    """A part from 0 to 1 of so many cells, in eighths of a cell; never full before it is 1."""
    width = max(0, width)
    full, eighths = divmod(int(min(max(part, 0.0), 1.0) * width * 8), 8)
    return ("█" * full + _EIGHTHS[eighths]).ljust(width, "░")
