"""A terminal that is sent only what differs shows what one shows that is sent everything."""

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.shown import ShownCells

COLUMNS, ROWS = 24, 5
"""Of the narrow signs; the wide ones have a row of their own below."""

SIZE = (COLUMNS, ROWS + 1)
BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"

colours = st.sampled_from(["5;{}", "2;{};7;9"])
grounds = st.tuples(st.sampled_from(["38", "48"]), colours, st.integers(0, 255)).map(
    lambda parts: f"{parts[0]};{parts[1].format(parts[2])}"
)
flags = st.sampled_from(["1", "3", "4", "7", "31", "42", "97", "104"])
styles = st.lists(flags | grounds, max_size=4).map(";".join).map("\x1b[{}m".format)
moves = st.tuples(st.integers(1, ROWS), st.integers(1, COLUMNS - 12)).map(
    lambda place: "\x1b[{};{}H".format(*place)
)
narrow = st.tuples(moves, styles, st.text(st.sampled_from("ab  c─░é"), min_size=1, max_size=6))
# Terminals do not agree about halves of wide signs, so none is written over in part.
wide = st.tuples(
    st.integers(0, 6).map(lambda half: f"\x1b[{ROWS + 1};{2 * half + 1}H"),
    styles,
    st.text(st.sampled_from("漢語"), min_size=1, max_size=5),
)
pieces = (narrow | wide).map(lambda parts: f"{''.join(parts)}\x1b[0m")
frames = st.lists(pieces, min_size=1, max_size=6).map("".join)
others = st.sampled_from(["\x1b[?25l", "\x1b]2;a title\x07", "\x1b[2J"])


class Terminal:
    """What is shown of what is sent, each cell with its style."""

    def __init__(self) -> None:
        self._screen = pyte.Screen(*SIZE)
        self._stream = pyte.Stream(self._screen)

    def feed(self, sent: str) -> None:
        self._stream.feed(sent.replace(BEGIN, "").replace(END, ""))

    @property
    def cells(self) -> list[list[pyte.screens.Char]]:
        buffer = self._screen.buffer
        return [[buffer[row][column] for column in range(COLUMNS)] for row in range(SIZE[1])]

    @property
    def cursor(self) -> tuple[int, int]:
        return self._screen.cursor.y, self._screen.cursor.x


@given(st.lists(st.tuples(frames, moves, st.booleans()) | others, max_size=12))
def test_both_terminals_show_the_same(said: list[tuple[str, str, bool] | str]) -> None:
    whole, spared, shown = Terminal(), Terminal(), ShownCells()
    for each in said:
        if isinstance(each, str):
            data = each
        else:
            frame, cursor, marked = each
            data = f"{BEGIN}{frame}{cursor}{END}" if marked else f"{frame}{cursor}"
        whole.feed(data)
        spared.feed(shown.changes(data, SIZE))
        assert spared.cells == whole.cells
        if not isinstance(each, str):
            assert spared.cursor == whole.cursor


@given(frames, moves)
def test_what_is_shown_already_is_not_sent(frame: str, cursor: str) -> None:
    shown = ShownCells()
    shown.changes(frame + cursor, SIZE)
    # A frame may write one cell more than once.
    last = shown.changes(frame + cursor, SIZE)
    assert shown.changes(frame + cursor, SIZE) == last
    still = f"\x1b[2;2H\x1b[1;38;5;9mthe same\x1b[0m{cursor}"
    shown.changes(still, SIZE)
    assert shown.changes(still, SIZE) == ""
    assert shown.changes(f"{BEGIN}{still}{END}", SIZE) == ""


def test_a_style_that_is_only_spelled_otherwise_is_no_reset() -> None:
    shown = ShownCells()
    sent = shown.changes("\x1b[1;1H\x1b[1ma\x1b[0m\x1b[1;1mb\x1b[0m", SIZE)
    assert sent == "\x1b[1;1H\x1b[1mab\x1b[m"


def test_one_digit_of_a_row_costs_one_digit() -> None:
    shown = ShownCells()
    row = "\x1b[1;1H\x1b[38;5;251;48;5;233mcopied  {}%  \x1b[0m\x1b[1;1H"
    shown.changes(row.format(41), SIZE)
    assert shown.changes(row.format(42), SIZE) == "\x1b[10G\x1b[38;5;251;48;5;233m2\x1b[1G\x1b[m"


@pytest.mark.parametrize("size", [(COLUMNS + 1, ROWS), (COLUMNS, ROWS)])
def test_after_another_size_all_is_sent(size: tuple[int, int]) -> None:
    shown = ShownCells()
    frame = "\x1b[1;1Hall of it\x1b[1;1H"
    assert "all of it" in shown.changes(frame, SIZE)
    assert shown.changes(frame, SIZE) == ""
    assert "all of it" in shown.changes(frame, size)
    shown.forget()
    assert "all of it" in shown.changes(frame, size)


def test_the_screen_that_is_left_and_come_back_to_is_painted_anew() -> None:
    shown = ShownCells()
    frame = "\x1b[1;1Hall of it\x1b[1;1H"
    shown.changes(frame, SIZE)
    assert shown.changes("\x1b[?1049l", SIZE) == "\x1b[?1049l"
    shown.changes("\x1b[?1049h", SIZE)
    assert "all of it" in shown.changes(frame, SIZE)
