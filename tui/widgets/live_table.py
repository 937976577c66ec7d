"""A table for live data: it repaints only the cells that changed."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.color import Color
from textual.coordinate import Coordinate
from textual.widgets import DataTable
from textual.widgets.data_table import ColumnKey, RowKey

from tui.text import plain
from tui.units import aligned
from tui.widgets.bar import bar
from tui.widgets.columns import Cell, Column, fitting

_MOST_RENDERED = 1000
"""So many cells are kept as they were rendered: more than most terminals show."""


class LiveTable(DataTable[Text]):
    """Rows by key; `show()` takes all rows and touches what differs.

    Nothing foreign is ever markup here: cells are `Text`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home,g", "scroll_top", "First", show=False),
        Binding("end,G", "scroll_bottom", "Last", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("j", "cursor_down", "Down", show=False),
    ]

    def __init__(self, all_columns: Sequence[Column], *, id: str | None = None) -> None:
        self._rendered: dict[tuple[int, int], tuple[object, list[list[Segment]]]] = {}
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self.all_columns = tuple(all_columns)
        self.shown_columns: tuple[Column, ...] = ()
        self._shown: dict[str, Mapping[str, Cell]] = {}
        self._wanted: dict[str, Mapping[str, Cell]] = {}
        self._lines: list[Mapping[str, Cell]] = []
        # What is rendered is kept here alone; DataTable would hold ten thousand cells.
        self._cell_render_cache = LRUCache(1)
        self._chosen: tuple[tuple[Column, ...], int] | None = None

    def on_mount(self) -> None:
        """Cells have the colours of the theme they were made in."""
        self.app.theme_changed_signal.subscribe(self, self._recolour)

    def _recolour(self, _: object) -> None:
        # At once: a frame of the new theme with the old colours in its cells could be seen.
        self._rebuild()

    def show(self, rows: Mapping[str, Mapping[str, Cell]]) -> None:
        """Show these rows, in this order, and keep the cursor on the row it is on."""
        self._wanted = dict(rows)
        if not self.shown_columns:
            return
        if self._choose_columns() or list(rows) != list(self._shown):
            self._rebuild()
            return
        changed = []
        for line, (key, cells) in enumerate(rows.items()):
            before = self._shown[key]
            if cells is before:
                continue
            for place, column in enumerate(self.shown_columns):
                cell = cells[column.key]
                if cell != before[column.key]:
                    # DataTable.update_cell() repaints the whole table; over SSH that is ten times
                    # the bytes.
                    self._data[RowKey(key)][ColumnKey(column.key)] = self._text(cell, column)
                    changed.append(Coordinate(line, place))
        self._take(rows)
        if changed:
            self._repaint(changed)

    def use(self, columns: Sequence[Column]) -> None:
        """Have other columns from the next rows on, which have cells for them."""
        self.all_columns = tuple(columns)

    @property
    def selected_key(self) -> str | None:
        """The key of the row under the cursor."""
        keys = list(self._shown)
        return keys[self.cursor_row] if 0 <= self.cursor_row < len(keys) else None

    def select(self, key: str) -> bool:
        """Put the cursor on a row, if it is there; tells whether it is."""
        if key not in self._shown:
            return False
        self.move_cursor(row=list(self._shown).index(key), animate=False)
        return True

    def on_resize(self) -> None:
        """Fewer or more columns fit."""
        if self._choose_columns():
            self._rebuild()

    def _choose_columns(self) -> bool:
        """Choose the columns that fit; tells whether they are other ones."""
        chosen = self.all_columns, self.size.width
        if chosen == self._chosen:
            return False
        self._chosen = chosen
        columns = fitting(*chosen) if self.size.width else ()
        differ = bool(columns) and columns != self.shown_columns
        if differ:
            self.shown_columns = columns
        return differ

    def _rebuild(self) -> None:
        selected = self.selected_key
        line = self.cursor_row
        with self.app.batch_update():
            self.clear(columns=True)
            for column in self.shown_columns:
                title = Text(column.title, justify="right" if column.right else "left")
                self.add_column(title, key=column.key, width=column.width)
            for key, cells in self._wanted.items():
                texts = [self._text(cells[column.key], column) for column in self.shown_columns]
                self.add_row(*texts, key=key)
            self._take(self._wanted)
            if selected in self._shown:
                self.select(selected)
            elif self._shown:
                self.move_cursor(row=min(line, len(self._shown) - 1), animate=False)

    def _take(self, rows: Mapping[str, Mapping[str, Cell]]) -> None:
        self._shown = dict(rows)
        self._lines = list(rows.values())

    def _repaint(self, places: Sequence[Coordinate]) -> None:
        """Repaint these cells, those of them that are in view."""
        # Whatever was made of the table's lines before goes by this number, and is of no use now.
        self._update_count += 1
        self._row_render_cache.clear()
        self._line_cache.clear()
        top = self.scroll_offset.y
        for place in places:
            if top <= place.row < top + self.size.height:
                self.refresh_coordinate(place)

    def _render_cell(
        self,
        row_index: int,
        column_index: int,
        base_style: Style,
        width: int,
        cursor: bool = False,
        hover: bool = False,
    ) -> list[list[Segment]]:
        """A cell as it was rendered before, if it is the same as then.

        DataTable forgets all cells when one of them is different, and rendering them is most of
        what a table of live data costs.
        """
        cell = None
        if 0 <= row_index < len(self._lines) and column_index >= 0:
            cell = self._lines[row_index].get(self.shown_columns[column_index].key)
        look = base_style, width, cursor, hover, self._show_hover_cursor, self._pseudo_class_state
        place = row_index, column_index
        made_of, rendered = self._rendered.get(place, (None, []))
        if made_of != (cell, look):
            render = super()._render_cell if cell is None else self._render_words
            rendered = render(*place, base_style, width, cursor, hover)
            if len(self._rendered) >= _MOST_RENDERED:
                self._rendered.clear()
            self._rendered[place] = (cell, look), rendered
        return rendered

    def _render_words(
        self, row: int, column: int, base_style: Style, width: int, cursor: bool, hover: bool
    ) -> list[list[Segment]]:
        """The same as DataTable's, for one line of one style.

        Rich would wrap it, pad it and crop it to what it is already, which takes many times as
        long: with a hundred VMs so much changes at once that a key would wait for it.
        """
        text = self.get_cell_at(Coordinate(row, column))
        component_style, post_style = self._get_styles_to_render_cell(
            False,
            False,
            False,
            hover,
            cursor,
            self.show_cursor,
            self._show_hover_cursor,
            self.cursor_foreground_priority == "css",
            self.cursor_background_priority == "css",
        )
        style = base_style + Style.from_meta({"row": row, "column": column}) + component_style
        padding = Segment(" " * self.cell_padding, style + post_style)
        spare = " " * (width - 2 * self.cell_padding - text.cell_len)
        words = f"{text.plain}{spare}"
        style = style + self.app.console.get_style(text.style) + post_style
        return [[padding, Segment(words, style), padding]]

    def _clear_caches(self) -> None:
        self._rendered.clear()
        super()._clear_caches()

    def notify_style_update(self) -> None:
        """Cells look different from now on."""
        self._rendered.clear()
        super().notify_style_update()

    def _text(self, cell: Cell, column: Column) -> Text:
        words = plain(cell.text, column.width) if column.middle else cell.text
        if column.right:
            words = aligned(words, column.width)
        if cell.part is not None:
            words = f"{bar(cell.part, column.width - cell_len(words) - 1)} {words}"
        text = Text(
            words,
            style=self._rich_style(cell.style),
            justify="left",
            no_wrap=True,
            overflow="ellipsis",
        )
        text.truncate(column.width, overflow="ellipsis")
        return text

    def _rich_style(self, style: str) -> str:
        """DataTable takes Rich's styles, which know nothing of theme variables."""
        if "$" not in style:
            return style
        return _resolve(style, self.app.theme_variables)


def _resolve(style: str, variables: Mapping[str, str]) -> str:
    words = []
    for word in style.split():
        if not word.startswith("$"):
            words.append(word)
            continue
        colour = variables.get(word[1:], "")
        if colour and not colour.startswith("auto"):
            words.append(Color.parse(colour).rich_color.name)
    return " ".join(words)
