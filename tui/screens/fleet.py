"""Every VM that is open, one line each, with a total."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.widget import Widget
from textual.widgets import DataTable, Input

from tui.keymap import remappable
from tui.screens.vm_screen import VmScreen
from tui.vm.snapshot import Link, VmSnapshot
from tui.widgets.columns import Cell
from tui.widgets.facts import Facts
from tui.widgets.filter_bar import FilterBar
from tui.widgets.fleet_rows import FLEET_COLUMNS, describe_vm, fleet_columns, fleet_row, total_line
from tui.widgets.line import Line
from tui.widgets.live_table import LiveTable
from tui.worker import VmWorker

_TOLD = 12
"""So many of the last events are told of the highlighted VM."""


@dataclass(frozen=True, slots=True)
class _Row:
    """What is shown of a VM, and what it was made of."""

    vm: VmSnapshot
    told: tuple[int, int]
    cells: Mapping[str, Cell]

    def has(self, words: Iterable[str]) -> bool:
        """Whether all these words are in it."""
        hay = " ".join(cell.text for cell in self.cells.values()).casefold()
        return all(word in hay for word in words)


class FleetScreen(VmScreen):
    """A table of the open VMs; Enter puts one on show."""

    BINDING_GROUP_TITLE = "VMs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "put_on_show", "Show", tooltip="Put the highlighted VM on show"),
        Binding("x", "close", "Close", tooltip="Let go of the highlighted VM; its jobs go on"),
        Binding("slash", "filter", "Filter", tooltip="Show only VMs with these words"),
        Binding("escape", "unfilter", "Clear filter", show=False),
    ]
    BINDINGS = remappable("vms", BINDINGS)

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[VmWorker, _Row] = {}

    def compose_body(self) -> Iterable[Widget]:
        """Filter, table, detail and total."""
        yield FilterBar("words in VM, state, event, monitor", id="fleet-filter")
        with Container(id="fleet", classes="listed beside"):
            yield LiveTable(FLEET_COLUMNS, id="fleet-table")
            with VerticalScroll(id="fleet-detail", can_focus=True, classes="detail"):
                yield Facts(id="fleet-detail-text")
        yield Line(id="fleet-total", classes="total-line")

    def on_mount(self) -> None:
        """Start on the table; how long a VM has not answered nobody else tells."""
        self.query(LiveTable).focus()
        self.set_interval(1.0, self._again)

    def _again(self) -> None:
        silent = (w.snapshot.connection.link is Link.NOT_ANSWERING for w in self._rows)
        if self.is_current and any(silent):
            self.take()

    def show_vm(self, vm: VmSnapshot) -> None:
        """Show all of them, the present one among them, or those that the filter lets pass."""
        words = self.query_one(FilterBar).words.casefold().split()
        workers = self.deck.fleet.workers
        # Of a hundred VMs a few differ from one look to the next.
        self._rows = {worker: self._row(worker) for worker in workers}
        rows = {
            str(id(worker)): row.cells
            for worker, row in self._rows.items()
            if not words or row.has(words)
        }
        table = self.query_one(LiveTable)
        table.use(fleet_columns(worker.snapshot.title for worker in workers))
        table.show(rows)
        vms = [worker.snapshot for worker in workers]
        hidden = len(vms) - len(rows)
        told = f", {hidden} hidden by the filter (Esc clears it)" if hidden else ""
        self.query_one("#fleet-total", Line).show(f"{total_line(vms)}{told}")
        self._show_detail()

    @on(DataTable.RowHighlighted)
    def _show_detail(self) -> None:
        worker = self.highlighted
        told = worker.events.newest(_TOLD) if worker is not None else ()
        text = describe_vm(worker.snapshot if worker is not None else None, told)
        self.query_one("#fleet-detail-text", Facts).show_resized(text)

    def _row(self, worker: VmWorker) -> _Row:
        newest = worker.events.newest(1)
        last = newest[0] if newest else None
        # One that comes again is the same record, which counts.
        told = (last.number, last.times) if last else (-1, 0)
        row = self._rows.get(worker)
        silent = worker.snapshot.connection.link is Link.NOT_ANSWERING
        if row is not None and row.vm is worker.snapshot and row.told == told and not silent:
            return row
        return _Row(worker.snapshot, told, fleet_row(worker.snapshot, last))

    @on(Input.Changed, "FilterBar Input")
    def _filter_changed(self) -> None:
        self.on_screen_resume()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()

    def action_unfilter(self) -> None:
        """Take the filter away."""
        self.query_one(FilterBar).close()
        self.query_one(LiveTable).focus()

    @property
    def highlighted(self) -> VmWorker | None:
        """The worker of the VM under the cursor."""
        key = self.query_one(LiveTable).selected_key
        return next((w for w in self.deck.fleet.workers if str(id(w)) == key), None)

    @on(DataTable.RowSelected)
    async def action_put_on_show(self) -> None:
        """Put the VM under the cursor on show, with its disks."""
        worker = self.highlighted
        if worker is not None:
            self.deck.fleet.show(worker)
            await self.app.switch_mode("devices")

    @work(group="close", exclusive=True)
    async def action_close(self) -> None:
        """Let go of the VM under the cursor."""
        worker = self.highlighted
        if worker is not None:
            await self.deck.close_vm(worker)
