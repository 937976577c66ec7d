"""A table of live data shows what is so, and makes anew only what has changed."""

from collections.abc import AsyncIterator, Mapping

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from tests.ui.deck import Deck
from tests.waiting import until
from tui.widgets.columns import Cell, Column
from tui.widgets.live_table import LiveTable

COLUMNS = (Column("name", "Name", 10), Column("count", "Count", 8, right=True))
ROWS, LINES = 60, 20


class Tables(App[None]):
    """One table."""

    def compose(self) -> ComposeResult:
        yield LiveTable(COLUMNS, id="live")


def rows(**counts: str) -> Mapping[str, Mapping[str, Cell]]:
    """Rows by name, each with its number or what is told instead."""
    names = [f"row{number:02}" for number in range(ROWS)]
    return {
        name: {"name": Cell(name), "count": Cell(counts.get(name, str(number)))}
        for number, name in enumerate(names)
    }


@pytest.fixture
async def shown() -> AsyncIterator[Deck]:
    """The table, with its first rows on the screen."""
    app = Tables()
    async with app.run_test(size=(40, LINES)) as pilot:
        deck = Deck(app, pilot)  # type: ignore[arg-type]
        table = app.query_one(LiveTable)
        await until(lambda: table.size.width)
        table.focus()
        table.show(rows())
        await deck.sees("row00", "row10")
        yield deck


def table_of(deck: Deck) -> LiveTable:
    return deck.app.query_one(LiveTable)


async def test_what_changes_is_shown_and_the_rest_stays(shown: Deck) -> None:
    table_of(shown).show(rows(row03="changed"))
    text = await shown.sees("changed")
    assert "row03" in text
    assert "row04" in text
    # And back again: nothing of before is taken for what is so now.
    table_of(shown).show(rows())
    await shown.sees_no_more("changed")


async def test_what_changes_out_of_view_is_there_when_it_comes_into_view(shown: Deck) -> None:
    table_of(shown).show(rows(row59="changed"))
    await shown.press("end")
    await shown.sees("row59", "changed")
    table_of(shown).show(rows(row00="changed", row59="59"))
    await shown.sees_no_more("changed")
    await shown.press("home")
    await shown.sees("row00", "changed")


async def test_cells_that_did_not_change_are_not_made_again(
    shown: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[int, int]] = []
    render = LiveTable._render_words

    def counted(self: LiveTable, row: int, column: int, *others: object) -> object:
        made.append((row, column))
        return render(self, row, column, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(LiveTable, "_render_words", counted)
    for turn in range(3):
        table_of(shown).show(rows(row03=f"turn {turn}"))
        await shown.sees(f"turn {turn}")
    assert set(made) == {(3, 1)}


def painted(lines: list[list[Segment]]) -> list[tuple[str, Style | None, object]]:
    """Each character with its style and with what the mouse is told there."""
    segments = [segment for line in lines for segment in line]
    return [
        (character, segment.style, segment.style.meta if segment.style else None)
        for segment in segments
        for character in segment.text
    ]


@pytest.mark.parametrize("cursor", [False, True])
@pytest.mark.parametrize("hover", [False, True])
@pytest.mark.parametrize(
    "cell",
    [
        Cell(""),
        Cell("a", "bold on blue"),
        Cell("just eight"),
        Cell("too long for it, which is cut", "bold red"),
        Cell("ends in  ", "underline"),
        Cell("漢字漢字漢字漢字", "on blue"),
        Cell("e\u0301 and [b]no markup[/b]"),
        Cell("12.5%", "bold green", part=0.125),
    ],
)
async def test_a_cell_looks_as_rich_would_render_it(
    shown: Deck, cell: Cell, cursor: bool, hover: bool
) -> None:
    table = table_of(shown)
    table.show({"one": {"name": cell, "count": cell}})
    await until(lambda: table.row_count == 1)
    for place, column in enumerate(table.shown_columns):
        look = (table.rich_style, column.width + 2 * table.cell_padding, cursor, hover)
        rich = DataTable._render_cell(table, 0, place, *look)
        assert painted(table._render_words(0, place, *look)) == painted(rich)


async def test_the_cursor_is_seen_where_it_is(shown: Deck) -> None:
    def behind(name: str) -> str:
        strips = shown.app.screen._compositor.render_strips()
        (found,) = (segment for strip in strips for segment in strip if name in segment.text)
        return str(found.style.bgcolor if found.style else None)

    with_cursor, without = behind("row00"), behind("row05")
    assert with_cursor != without
    await shown.press(*["down"] * 5)
    await until(lambda: (behind("row00"), behind("row05")) == (without, with_cursor))
