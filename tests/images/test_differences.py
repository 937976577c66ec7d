"""Ranges that are held against others."""

import pytest

from tui.images.differences import Range, first_outside


@pytest.mark.parametrize(
    ("found", "known", "first"),
    [
        ([], [], None),
        ([], [(0, 8)], None),
        ([(0, 8)], [], 0),
        ([(0, 8)], [(0, 8)], None),
        ([(2, 4), (6, 8)], [(0, 8)], None),
        ([(0, 8)], [(0, 4), (4, 8)], None),
        ([(0, 8)], [(0, 4), (5, 8)], 4),
        ([(0, 8)], [(1, 8)], 0),
        ([(0, 8)], [(0, 7)], 7),
        ([(0, 2), (10, 12)], [(0, 2), (4, 6), (9, 11)], 11),
        ([(4, 6)], [(0, 2), (8, 9)], 4),
    ],
)
def test_the_first_that_is_in_none(
    found: list[Range], known: list[Range], first: int | None
) -> None:
    assert first_outside(found, known) == first
