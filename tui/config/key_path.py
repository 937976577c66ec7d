"""The ways to the keys of nested tables, and the lines that these stand in."""

from collections.abc import Mapping

KeyPath = tuple[str | int, ...]
Lines = Mapping[KeyPath, int]


def line_of(path: KeyPath, lines: Lines) -> int | None:
    """The line of a key, or of the nearest thing around it that has one."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None
