"""What a table shows: its columns, which of them there is room for, and what stands in a cell."""

from collections.abc import Sequence
from typing import NamedTuple

_ROOMY = 100
"""Cells from which a table has room to spell things out."""


class Column(NamedTuple):
    """A column of fixed width.

    Attributes:
        key: names the cell in a row.
        title: the heading.
        width: in cells.
        right: whether the content stands on the right, as numbers do; of sizes and
            rates the numbers end, and the units begin, under each other.
        roomy: the width in a table of 100 cells or more, where it differs.
        rank: columns with a higher rank go first when the terminal is narrow.
        stretch: whether the column takes the room that is left.
        middle: whether what is too long is left out of the middle, not at the end: names that
            differ may do so at their ends.
    """

    key: str
    title: str
    width: int
    roomy: int = 0
    right: bool = False
    rank: int = 0
    stretch: bool = False
    middle: bool = False


class Cell(NamedTuple):
    """What stands in a cell, and in which style (`bold $text-error`).

    Attributes:
        text: the words.
        style: their style, and that of the bar.
        part: from 0 to 1, drawn as a bar before the text, as wide as the column; None is no bar.
    """

    text: str
    style: str = ""
    part: float | None = None


def fitting(columns: Sequence[Column], width: int) -> tuple[Column, ...]:
    """The columns that fit in `width` cells, the least important ones left out."""
    chosen = [
        column._replace(width=column.roomy) if column.roomy and width >= _ROOMY else column
        for column in columns
    ]
    while chosen and sum(column.width + 2 for column in chosen) > width:
        worst = max(chosen, key=lambda column: column.rank)
        if worst.rank == 0:
            break
        chosen.remove(worst)
    spare = width - sum(column.width + 2 for column in chosen)
    stretching = [column for column in chosen if column.stretch]
    if spare <= 0 or not stretching:
        return tuple(chosen)
    share = spare // len(stretching)
    return tuple(
        column._replace(width=column.width + share) if column.stretch else column
        for column in chosen
    )
