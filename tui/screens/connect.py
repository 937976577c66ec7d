"""Where a VM is chosen: an address to type, and every VM of this host, or of another, below."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, Input

from tui.discovery.models import Findings, FoundVm
from tui.keymap import remappable
from tui.qmp.address import AddressError, MonitorAddress, SshAddress, caution
from tui.qmp.errors import ConnectFailure
from tui.screens.vm_screen import ROOMY, TALL, WIDE
from tui.text import plain
from tui.widgets.filter_bar import FilterBar
from tui.widgets.found_rows import FOUND_COLUMNS, describe_found, found_row
from tui.widgets.found_summary import (
    found_summary,
    has_words,
    marks_summary,
    may_be_marked_with_others,
    typed_caution,
    with_those_open,
)
from tui.widgets.key_bar import KeyBar
from tui.widgets.line import Line
from tui.widgets.live_table import LiveTable
from tui.widgets.plain_input import PlainInput
from tui.widgets.vm_header import VmHeader

if TYPE_CHECKING:
    from tui.app import BlockDeckApp


class ConnectScreen(Screen[None]):
    """An input, what is wrong with it, the VMs that were found, and what is told of one."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (ROOMY, "-roomy"), (WIDE, "-wide")]  # noqa: RUF012 -- Textual declares it as an instance variable
    VERTICAL_BREAKPOINTS = [(0, "-low"), (TALL, "-tall")]  # noqa: RUF012 -- as above

    BINDING_GROUP_TITLE = "Connect"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "connect",
            "Connect",
            show=False,
            tooltip="Connect to what is typed in, or to the highlighted VM",
        ),
        Binding("down", "to_list", "VMs", show=False, tooltip="Go to the VMs of this host"),
        Binding("space", "mark", "Mark", tooltip="Mark a VM of the list, to open several at once"),
        Binding("A", "mark_all", "Mark all", tooltip="Mark all that can be opened, or none"),
        Binding("slash", "filter", "Filter", tooltip="Show only VMs with these words"),
        Binding("r,f5", "look", "Look", tooltip="Look for the VMs of this host again"),
        Binding(
            "y,f6",
            "copy_remedy",
            "Copy",
            tooltip="Copy what gives the VM a monitor of its own for you (OSC 52)",
        ),
        Binding(
            "escape",
            "back",
            "Back",
            tooltip="Back to all VMs, to those of this host, or to the VM that is open",
        ),
    ]
    BINDINGS = remappable("connect", BINDINGS)

    class Chosen(Message):
        """These monitors shall be connected to."""

        def __init__(self, *addresses: MonitorAddress) -> None:
            super().__init__()
            self.addresses = addresses

    class Left(Message):
        """The operator wants back to the VM."""

    def __init__(self) -> None:
        super().__init__()
        self._recent: list[str] = []
        self._found = Findings()
        self._host: SshAddress | None = None
        self._picked = False
        self._marked: set[str] = set()

    @property
    def deck(self) -> "BlockDeckApp":
        """The app, as what it is."""
        return cast("BlockDeckApp", self.app)

    def compose(self) -> ComposeResult:
        """Header, input, error, VMs, detail."""
        yield VmHeader(id="vm-header")
        with Container(id="connect-address"):
            yield Line("Monitor of the VM to back up", classes="dialog-title")
            yield PlainInput(
                placeholder="/run/vm.qmp, host:port, ssh://..., or choose a VM below", id="monitor"
            )
            yield Line(id="connect-error")
            yield Line(id="connect-advice")
        yield Line("Looking for the VMs of this host ...", id="connect-found")
        yield FilterBar("words in VM, uuid, state, user, disk, address", id="found-filter")
        with Container(id="found", classes="listed beside"):
            yield LiveTable(FOUND_COLUMNS, id="found-table")
            with VerticalScroll(id="found-detail", can_focus=True, classes="detail"):
                yield Line(id="found-text")
        yield KeyBar()

    def on_mount(self) -> None:
        """Ready to type."""
        self._say("")
        self.query_one("#monitor", Input).focus()

    def offer(self, recent: list[str], host: SshAddress | None = None) -> None:
        """Look for VMs, and show them with the monitors used before, most recent first.

        Args:
            host: where to look; None is where it was looked last, at first this host.
        """
        self._recent = list(recent)
        self.query_one(VmHeader).show_vm(None)
        self._say("")
        self._look(host or self._host)

    def tell(self, monitor: str, sentence: str, advice: str = "") -> None:
        """Say what came of connecting, under the input."""
        field = self.query_one("#monitor", Input)
        # What was picked from the list stays in the list, so that Enter there goes on to work.
        if monitor and field.value != monitor and not self._picked:
            with field.prevent(Input.Changed):
                field.value = monitor
        self._say(sentence, advice)
        if not self._picked:
            field.focus()

    def _say(self, sentence: str, advice: str = "") -> None:
        told = {"connect-error": sentence, "connect-advice": advice}
        for name, text in told.items():
            line = self.query_one(f"#{name}", Line)
            line.show_resized("\n".join(plain(part, 600) for part in text.split("\n")))
            line.display = bool(text)

    # --- the address -----------------------------------------------------------------------------

    @on(Input.Submitted, "#monitor")
    def _submitted(self, event: Input.Submitted) -> None:
        self.action_connect()

    @on(Input.Changed, "#monitor")
    def _typing(self, event: Input.Changed) -> None:
        self._say("", typed_caution(event.value))

    def action_connect(self) -> None:
        """Connect to what is typed in; without that, to the highlighted VM."""
        text = self.query_one("#monitor", Input).value
        if not text and self.highlighted is not None:
            self._pick(self.highlighted)
        else:
            self._choose(text)

    def _choose(self, text: str) -> None:
        self._picked = False
        try:
            address = cast("BlockDeckApp", self.app).settings.address(text)
        except AddressError as error:
            self.tell(text, str(error))
            return
        if isinstance(address, SshAddress) and not address.path:
            self.tell(text, "")
            self._look(address)
            return
        self.tell(text, f"Connecting to {address} ...", caution(address))
        self.post_message(self.Chosen(address))

    # --- the VMs ---------------------------------------------------------------------------------

    @property
    def found(self) -> Findings:
        """What has been found so far."""
        return self._found

    @property
    def highlighted(self) -> FoundVm | None:
        """The VM under the cursor."""
        key = self.query_one(LiveTable).selected_key
        return next((vm for vm in self._found.vms if vm.key == key), None)

    def action_look(self) -> None:
        """Look for VMs anew."""
        self._look(self._host)

    @work(group="look", exclusive=True)
    async def _look(self, host: SshAddress | None) -> None:
        """Look for the VMs of this host, or of another; the list stays until that one has told."""
        # What is open comes first: of several addresses that lead to a VM the one in use is shown.
        recent = []
        for text in (*(w.snapshot.address for w in self.deck.fleet.workers), *self._recent):
            try:
                recent.append(self.deck.settings.address(text))
            except AddressError:
                # A file of an earlier version, or of another's making.
                continue
        if host is None:
            await self.deck.scout.look(recent, self._show)
            return
        summary = self.query_one("#connect-found", Line)
        summary.show_resized(f"Asking {plain(host.login, 200)} for its VMs ...")

        def told(found: Findings) -> None:
            if host != self._host:
                self._marked.clear()
            self._host = host
            self._show(found)

        try:
            await self.deck.scout.look_elsewhere(host, recent, told)
        except ConnectFailure as failure:
            self._say(failure.sentence, failure.advice)
            if self._found.vms:
                self._show(self._found)
                return
            if host == self._host:
                self._host = None
            self._look(self._host)

    def _show(self, found: Findings) -> None:
        if not self.is_mounted or not self.query("#connect-found"):
            # Not composed yet, or closed with the app, while the search went on.
            return
        there = {worker.snapshot.address for worker in self.deck.fleet.workers}
        self._found = found = with_those_open(found, there)
        table = self.query_one(LiveTable)
        self._marked &= {vm.key for vm in found.vms}
        self._list()
        if not table.has_focus:
            # Nobody has chosen a row yet, so that the best one stays on top of what comes in.
            table.move_cursor(row=0, animate=False)
        self.query_one("#found").set_class(not found.vms, "-empty")
        self._show_detail()

    def _list(self) -> None:
        rows = {
            vm.key: found_row(vm, self._called(vm), marked=vm.key in self._marked)
            for vm in self._passing()
        }
        self.query_one(LiveTable).show(rows)
        told = found_summary(self._found, self._host, hidden=len(self._found.vms) - len(rows))
        self.query_one("#connect-found", Line).show_resized(told)

    def action_mark(self) -> None:
        """Mark the highlighted VM, or take its mark away; one that cannot be opened says why."""
        vm = self.highlighted
        if vm is None or not self.query_one(LiveTable).has_focus:
            return
        if vm.best is None or vm.best.address is None:
            self._pick(vm)
            return
        self._marked ^= {vm.key}
        self._list()
        self._tell_marks()

    def _marked_addresses(self) -> list[MonitorAddress]:
        best = [vm.best for vm in self._found.vms if vm.key in self._marked]
        return [one.address for one in best if one is not None and one.address is not None]

    def action_mark_all(self) -> None:
        """Mark all on show that may be opened together, or take their marks away."""
        if not self.query_one(LiveTable).has_focus:
            return
        keys = {vm.key for vm in self._passing() if may_be_marked_with_others(vm)}
        if not keys:
            self.notify("None of these VMs is free to connect to.", severity="warning")
        self._marked = self._marked - keys if keys <= self._marked else self._marked | keys
        self._list()
        self._tell_marks()

    def _tell_marks(self) -> None:
        """Say what Enter would do to the VMs that are marked."""
        marked = (vm for vm in self._found.vms if vm.key in self._marked)
        self._say("", marks_summary(marked, {vm.key for vm in self._passing()}))

    # --- the filter ------------------------------------------------------------------------------

    def _passing(self) -> list[FoundVm]:
        """The VMs that the filter lets pass."""
        words = self.query_one(FilterBar).words.casefold().split()
        return [vm for vm in self._found.vms if has_words(vm, self._called(vm), words)]

    @on(Input.Changed, "#found-filter Input")
    def _filter_changed(self) -> None:
        self._list()
        self._show_detail()
        if self._marked:
            self._tell_marks()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()

    @property
    def _is_filtered(self) -> bool:
        return self.is_mounted and bool(self.query(FilterBar)) and self.query_one(FilterBar).display

    def _unfilter(self) -> None:
        self.query_one(FilterBar).close()
        self.query_one(LiveTable).focus()

    # --- one of them -----------------------------------------------------------------------------

    def _called(self, vm: FoundVm) -> str:
        """What the settings call a VM, by any of its monitors."""
        there = (str(monitor.address) for monitor in vm.monitors if monitor.address is not None)
        return self.deck.settings.called(there)

    def _show_detail(self) -> None:
        width = self.query_one("#found-detail").scrollable_content_region.width
        told = describe_found(self.highlighted, width)
        self.query_one("#found-text", Line).show_resized(told)
        self.refresh_bindings()

    def on_resize(self) -> None:
        """The sentences are folded to the width of their pane."""
        self.call_after_refresh(self._show_detail)

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._show_detail()

    @on(DataTable.RowSelected)
    def _row_selected(self) -> None:
        if self._marked:
            self._open_marked()
        elif self.highlighted is not None:
            self._pick(self.highlighted)

    def _open_marked(self) -> None:
        """Connect to every VM that is marked."""
        addresses = self._marked_addresses()
        self._marked.clear()
        self._list()
        self._picked = True
        self._say(f"Connecting to {len(addresses)} monitors ...", caution(*addresses))
        self.workers.cancel_group(self, "look")
        self.post_message(self.Chosen(*addresses))

    def _pick(self, vm: FoundVm) -> None:
        """Connect to the best monitor of a VM, or say why there is none."""
        self._picked = True
        field = self.query_one("#monitor", Input)
        with field.prevent(Input.Changed):
            field.value = ""
        there = {str(monitor.address) for monitor in vm.monitors}
        for worker in self.deck.fleet.workers:
            if worker.snapshot.address in there:
                self.deck.fleet.show(worker)
                self.post_message(self.Left())
                return
        best = vm.best
        if best is None or best.address is None:
            why = next((m.sentence for m in vm.monitors), "It has no QMP monitor.")
            remedy = "In the list, y copies what gives it one for you." if vm.remedy else ""
            self._say(why, remedy)
            return
        self._say(f"Connecting to {best.address} ...", caution(best.address))
        # The look could be holding this very monitor at the moment.
        self.workers.cancel_group(self, "look")
        self.post_message(self.Chosen(best.address))

    def action_to_list(self) -> None:
        """Go to the VMs."""
        table = self.query_one(LiveTable)
        if table.row_count:
            table.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What can be done: letters in a field are text, and a remedy is offered where one is."""
        if action in ("mark", "mark_all", "filter"):
            return self.is_mounted and isinstance(self.focused, LiveTable)
        if action == "copy_remedy":
            vm = self.highlighted if self.is_mounted else None
            return vm is not None and vm.remedy is not None
        if action == "back":
            return self._is_filtered or self._host is not None or self.deck.worker is not None
        return super().check_action(action, parameters)

    def action_copy_remedy(self) -> None:
        """Copy it over the terminal."""
        vm = self.highlighted
        if vm is not None and vm.remedy is not None:
            self.app.copy_to_clipboard(vm.remedy.text)
            self.notify("The remedy was sent to your terminal's clipboard (OSC 52)")

    def action_back(self) -> None:
        """Back to all that are listed, to the VMs of this host, or to the VM that is open."""
        if self._is_filtered:
            self._unfilter()
            return
        if self._host is None:
            self.post_message(self.Left())
            return
        self._host = None
        self._marked.clear()
        self._picked = False
        self.query_one("#monitor", Input).value = ""
        self.query_one("#monitor", Input).focus()
        self._show(Findings())
        self.action_look()
