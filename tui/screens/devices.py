"""Every block device of the VM, those that cannot be backed up with the reason."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import DataTable, Input

from tui.keymap import remappable
from tui.screens.row_screen import RowScreen
from tui.vm.snapshot import Device, Link, VmSnapshot
from tui.widgets.device_detail import DeviceDetail
from tui.widgets.device_rows import DEVICE_COLUMNS, SORT_ORDERS, device_row, in_order, matches
from tui.widgets.filter_bar import FilterBar
from tui.widgets.line import Line
from tui.widgets.live_table import LiveTable


class DevicesScreen(RowScreen):
    """The table of disks and, for the one highlighted, all there is to know."""

    BINDING_GROUP_TITLE = "Disks"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b,enter", "back_up", "Back up", tooltip="Open the backup form for this disk"),
        Binding("slash", "filter", "Filter", tooltip="Show only disks with these words"),
        Binding("s", "sort", "Sort", tooltip="Sort by name, size, allocation or writes"),
        Binding("escape", "unfilter", "Clear filter", show=False),
    ]
    BINDINGS = remappable("disks", BINDINGS)
    OF_A_ROW = frozenset({"back_up"})

    def __init__(self) -> None:
        super().__init__()
        self._order = SORT_ORDERS[0]

    def compose_body(self) -> Iterable[Widget]:
        """Filter, table, empty state, detail."""
        yield FilterBar("words in name, node, format, file, flags", id="device-filter")
        with Container(id="devices", classes="listed beside"):
            yield LiveTable(DEVICE_COLUMNS, id="device-table")
            yield Line(id="devices-empty", classes="empty")
            yield DeviceDetail(id="device-detail", classes="detail")

    def on_mount(self) -> None:
        """Start on the table."""
        self.query(LiveTable).focus()

    def show_vm(self, vm: VmSnapshot) -> None:
        """Show the disks that pass the filter."""
        words = self.query_one(FilterBar).words
        # Until all is known of the VM nothing can be done with a disk.
        known = vm.devices if vm.loaded else ()
        devices = in_order(tuple(d for d in known if matches(d, words)), self._order)
        table = self.query_one(LiveTable)
        table.show({device.key: device_row(device, vm) for device in devices})
        why = "" if devices else _why_empty(vm, words)
        self.query_one("#devices-empty", Line).show(why)
        self.lacks_rows(why)
        self.query_one("#devices").set_class(not devices, "-empty")
        self._show_detail()

    @property
    def highlighted(self) -> Device | None:
        """The disk under the cursor."""
        key = self.query_one(LiveTable).selected_key
        return self.worker.snapshot.device(key) if self.worker and key else None

    def _show_detail(self) -> None:
        lost = self.worker is not None and self.worker.snapshot.connection.link is Link.LOST
        self.query_one(DeviceDetail).show_device(self.highlighted, lost=lost)

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._show_detail()

    @on(DataTable.RowSelected)
    def _row_selected(self) -> None:
        self.action_back_up()

    @on(Input.Changed, "FilterBar Input")
    def _filter_changed(self) -> None:
        self.on_screen_resume()

    def action_back_up(self) -> None:
        """Open the form, or say why not."""
        device = self.highlighted
        if device is None:
            return
        if device.obstacle is not None:
            self.notify(
                f"{device.title} cannot be backed up: {device.obstacle}",
                severity="warning",
                markup=False,
            )
            return
        self.deck.open_form(device)

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()

    def action_unfilter(self) -> None:
        """Take the filter away."""
        self.query_one(FilterBar).close()
        self.query_one(LiveTable).focus()

    def action_sort(self) -> None:
        """Go to the next order."""
        place = SORT_ORDERS.index(self._order)
        self._order = SORT_ORDERS[(place + 1) % len(SORT_ORDERS)]
        self.notify(f"Sorted by {self._order}" if self._order != "as listed" else "As QEMU lists")
        self.on_screen_resume()


def _why_empty(vm: VmSnapshot, words: str) -> str:
    if vm.loaded and vm.devices:
        return f"No disk matches {words!r}. Escape clears the filter."
    if not vm.loaded or vm.connection.link is not Link.CONNECTED:
        return "Waiting for the VM's answer."
    return "This VM has no block devices."
