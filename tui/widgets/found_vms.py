"""The VMs that were found: a summary, a filter, a table with marks, and what is told of one."""

from collections.abc import Callable, Collection

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.message import Message
from textual.widgets import DataTable, Input

from tui.discovery.models import Findings, FoundVm
from tui.qmp.address import MonitorAddress, SshAddress
from tui.widgets.filter_bar import FilterBar
from tui.widgets.found_rows import FOUND_COLUMNS, describe_found, found_row
from tui.widgets.found_summary import (
    found_summary,
    has_words,
    marks_summary,
    may_be_marked_with_others,
    with_those_open,
)
from tui.widgets.line import Line
from tui.widgets.live_table import LiveTable


class FoundVms(Container):
    """Shows what is found, and what of it the operator has marked.

    Args:
        called: what the settings call a VM; "" is nothing.

    Attributes:
        found: what has been found so far.
        marked: the keys of the VMs that are marked.
    """

    class Picked(Message):
        """Enter was pressed on a VM."""

    class MarksChanged(Message):
        """Other VMs are marked, or other ones of them are to be seen."""

    class Highlighted(Message):
        """The cursor is on another VM, or something else is told of it."""

    def __init__(self, called: Callable[[FoundVm], str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.found = Findings()
        self.marked: set[str] = set()
        self._called = called
        self._host: SshAddress | None = None

    def compose(self) -> ComposeResult:
        """Summary, filter, table, detail."""
        yield Line("Looking for the VMs of this host ...", id="connect-found")
        yield FilterBar("words in VM, uuid, state, user, disk, address", id="found-filter")
        with Container(id="found", classes="listed beside"):
            yield LiveTable(FOUND_COLUMNS, id="found-table")
            with VerticalScroll(id="found-detail", can_focus=True, classes="detail"):
                yield Line(id="found-text")

    @property
    def table(self) -> LiveTable:
        """The table."""
        return self.query_one(LiveTable)

    @property
    def highlighted(self) -> FoundVm | None:
        """The VM under the cursor."""
        # Before it is composed there is none.
        key = next((table.selected_key for table in self.query(LiveTable)), None)
        return next((vm for vm in self.found.vms if vm.key == key), None)

    def tell(self, words: str) -> None:
        """Say something in place of the summary, until there is more to list."""
        for line in self.query("#connect-found").results(Line):
            line.show_resized(words)

    def show(self, found: Findings, host: SshAddress | None, open_now: Collection[str]) -> None:
        """Show what has been found.

        Args:
            found: all of it so far.
            host: where; None is this host.
            open_now: the addresses of the monitors that are open here.
        """
        if host != self._host:
            self.marked.clear()
        self._host = host
        self.found = found = with_those_open(found, open_now)
        self.marked &= {vm.key for vm in found.vms}
        self._list()
        if not self.table.has_focus:
            # Nobody has chosen a row yet, so that the best one stays on top of what comes in.
            self.table.move_cursor(row=0, animate=False)
        self.query_one("#found").set_class(not found.vms, "-empty")
        self._show_detail()

    def _list(self) -> None:
        rows = {
            vm.key: found_row(vm, self._called(vm), marked=vm.key in self.marked)
            for vm in self._passing()
        }
        self.table.show(rows)
        hidden = len(self.found.vms) - len(rows)
        self.tell(found_summary(self.found, self._host, hidden=hidden))

    # --- marks -----------------------------------------------------------------------------------

    def mark(self, vm: FoundVm) -> None:
        """Mark a VM, or take its mark away."""
        self._mark(self.marked ^ {vm.key})

    def mark_all(self) -> bool:
        """Mark all on show that may be opened together, or take their marks away.

        Returns whether there are any.
        """
        keys = {vm.key for vm in self._passing() if may_be_marked_with_others(vm)}
        self._mark(self.marked - keys if keys <= self.marked else self.marked | keys)
        return bool(keys)

    def unmark(self) -> None:
        """Take all marks away."""
        self.marked.clear()
        self._list()

    def _mark(self, keys: set[str]) -> None:
        self.marked = keys
        self._list()
        self.post_message(self.MarksChanged())

    @property
    def marked_addresses(self) -> list[MonitorAddress]:
        """The monitors to open of the VMs that are marked."""
        best = [vm.best for vm in self.found.vms if vm.key in self.marked]
        return [one.address for one in best if one is not None and one.address is not None]

    @property
    def marks_told(self) -> str:
        """What Enter would do to the VMs that are marked."""
        marked = (vm for vm in self.found.vms if vm.key in self.marked)
        return marks_summary(marked, {vm.key for vm in self._passing()})

    # --- the filter ------------------------------------------------------------------------------

    def _passing(self) -> list[FoundVm]:
        """The VMs that the filter lets pass."""
        words = self.query_one(FilterBar).words.casefold().split()
        return [vm for vm in self.found.vms if has_words(vm, self._called(vm), words)]

    @on(Input.Changed, "#found-filter Input")
    def _filter_changed(self) -> None:
        self._list()
        self._show_detail()
        if self.marked:
            self.post_message(self.MarksChanged())

    @property
    def is_filtered(self) -> bool:
        """Whether a filter is typed in, or about to be."""
        return any(each.display for each in self.query(FilterBar))

    def filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()

    def unfilter(self) -> None:
        """Show all again."""
        self.query_one(FilterBar).close()
        self.table.focus()

    # --- one of them -----------------------------------------------------------------------------

    def _show_detail(self) -> None:
        if not self.query("#found-text"):
            # It has its size before it is composed.
            return
        width = self.query_one("#found-detail").scrollable_content_region.width
        told = describe_found(self.highlighted, width)
        self.query_one("#found-text", Line).show_resized(told)
        self.post_message(self.Highlighted())

    def on_resize(self) -> None:
        """The sentences are folded to the width of their pane."""
        self.call_after_refresh(self._show_detail)

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._show_detail()

    @on(DataTable.RowSelected)
    def _row_selected(self) -> None:
        self.post_message(self.Picked())
