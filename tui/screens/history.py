"""The reports of the backups that have ended, of every VM, also from before this run."""

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable, Input

from tui.keymap import remappable
from tui.records.store import Filed
from tui.screens.row_screen import RowScreen
from tui.screens.text_page import FactsPage
from tui.text import plain
from tui.vm.snapshot import VmSnapshot
from tui.widgets.facts import Facts, labelled, title
from tui.widgets.filter_bar import FilterBar
from tui.widgets.line import Line
from tui.widgets.live_table import LiveTable
from tui.widgets.report_rows import REPORT_COLUMNS, matches, report_row


class HistoryScreen(RowScreen):
    """The table of reports, the newest first, and the text of the one highlighted."""

    BINDING_GROUP_TITLE = "History"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "v,enter", "read", "Read", tooltip="Read the highlighted report on a page of its own"
        ),
        Binding("c", "copy", "Copy", tooltip="Copy the report as text (OSC 52)"),
        Binding("f5", "copy_json", "Copy JSON", tooltip="Copy the report as JSON (OSC 52)"),
        Binding("slash", "filter", "Filter", tooltip="Show only reports with these words"),
        Binding("escape", "unfilter", "Clear filter", show=False),
    ]
    BINDINGS = remappable("history", BINDINGS)
    OF_A_ROW = frozenset({"read", "copy", "copy_json"})

    def __init__(self) -> None:
        super().__init__()
        self._filed: tuple[Filed, ...] = ()
        self._stamp = -1

    def compose_body(self) -> Iterable[Widget]:
        """Filter, table, empty state, text."""
        yield FilterBar("words in VM, disk, target, outcome", id="history-filter")
        with Container(id="history", classes="listed beside"):
            yield LiveTable(REPORT_COLUMNS, id="report-table")
            yield Line(id="history-empty", classes="empty")
            with VerticalScroll(id="report", can_focus=True, classes="detail"):
                yield Facts(id="report-text")

    def on_mount(self) -> None:
        """Start on the table."""
        self.query(LiveTable).focus()

    def show_vm(self, vm: VmSnapshot) -> None:
        """A backup may have ended."""
        self._look()

    def on_screen_resume(self) -> None:
        """Reports come without a VM on show, too."""
        super().on_screen_resume()
        self._look()

    @work(group="reports", exclusive=True)
    async def _look(self) -> None:
        """Read the reports anew when there are others than before."""
        store = self.deck.reports
        stamp = await asyncio.to_thread(store.stamp)
        if stamp != self._stamp:
            self._filed = await asyncio.to_thread(store.newest)
            self._stamp = stamp
        if self.whole:
            self._show()

    def _show(self) -> None:
        words = self.query_one(FilterBar).words
        shown = [filed for filed in self._filed if matches(filed.report, words)]
        self.query_one(LiveTable).show({f.path.name: report_row(f.report) for f in shown})
        empty = "No backup has ended yet. Press 1 for the disks, then b to back one up."
        if self._filed:
            empty = f"No report matches {plain(words, 60)!r}. Escape clears the filter."
        self.query_one("#history-empty", Line).show(empty)
        self.lacks_rows("" if shown else empty)
        self.query_one("#history").set_class(not shown, "-empty")
        self._show_report()

    @property
    def highlighted(self) -> Filed | None:
        """The report under the cursor."""
        key = self.query_one(LiveTable).selected_key
        return next((filed for filed in self._filed if filed.path.name == key), None)

    def _show_report(self) -> None:
        filed = self.highlighted
        text = Content("")
        if filed is not None:
            told = labelled(f"{filed.report.as_text()}{'file':<11}{plain(str(filed.path))}")
            text = Content("\n").join([title(filed.report.job), told])
        self.query_one("#report-text", Line).show_resized(text)

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._show_report()

    @on(DataTable.RowSelected)
    def _row_selected(self) -> None:
        self.action_read()

    @on(Input.Changed, "FilterBar Input")
    def _filter_changed(self) -> None:
        self._show()

    def action_read(self) -> None:
        """Show the report alone."""
        filed = self.highlighted
        if filed is not None:
            self.app.push_screen(FactsPage(f"Backup {filed.report.job}", filed.report.as_text()))

    def action_copy(self) -> None:
        """Copy the text over the terminal."""
        filed = self.highlighted
        if filed is not None:
            self.app.copy_to_clipboard(filed.report.as_text())
            self.notify("The report was sent to your terminal's clipboard (OSC 52)")

    def action_copy_json(self) -> None:
        """Copy the JSON over the terminal."""
        filed = self.highlighted
        if filed is not None:
            self.app.copy_to_clipboard(filed.report.as_json())
            self.notify("The report's JSON was sent to your terminal's clipboard (OSC 52)")

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()

    def action_unfilter(self) -> None:
        """Take the filter away."""
        self.query_one(FilterBar).close()
        self.query_one(LiveTable).focus()
