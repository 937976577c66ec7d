"""A bar tells a part of its cells in shades, without gaps, and is full at the end alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.widgets.bar import bar


@pytest.mark.parametrize(
    ("part", "drawn"),
    [
        (0.0, "░░░░░░░░"),
        (0.02, "░░░░░░░░"),
        (0.07, "▒░░░░░░░"),
        (0.5, "████░░░░"),
        (0.53, "████░░░░"),
        (0.55, "████▒░░░"),
        (0.6, "████▓░░░"),
        (0.999, "███████▓"),
        (1.0, "████████"),
        (7.0, "████████"),
        (-1.0, "░░░░░░░░"),
    ],
)
def test_a_bar_is_as_long_as_its_part(part: float, drawn: str) -> None:
    assert bar(part, 8) == drawn


@given(part=st.floats(0, 1), width=st.integers(-2, 40))
def test_a_bar_is_always_as_wide_as_it_is_to_be(part: float, width: int) -> None:
    drawn = bar(part, width)
    assert cell_len(drawn) == max(0, width)
    assert (drawn == "█" * width) == (part == 1) or width <= 0
