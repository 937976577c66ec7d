"""Where a VM is chosen: an address to type, and every VM of this host, or of another, below."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from tui.discovery.models import Findings, FoundVm
from tui.keymap import remappable
from tui.paths import sheets
from tui.qmp.address import AddressError, MonitorAddress, SshAddress, caution
from tui.qmp.errors import ConnectFailure
from tui.screens.vm_screen import ACROSS, DOWN
from tui.text import plain
from tui.widgets.found_vms import FoundVms
from tui.widgets.key_bar import KeyBar
from tui.widgets.live_table import LiveTable
from tui.widgets.monitor_field import MonitorField
from tui.widgets.vm_header import VmHeader

if TYPE_CHECKING:
    from tui.app import BlockDeckApp


class ConnectScreen(Screen[None]):
    """An input, what is wrong with it, the VMs that were found, and what is told of one."""

    CSS_PATH = sheets("dialogs", "connect")

    HORIZONTAL_BREAKPOINTS = ACROSS
    VERTICAL_BREAKPOINTS = DOWN

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
        self._host: SshAddress | None = None
        self._picked = False

    @property
    def deck(self) -> "BlockDeckApp":
        """The app, as what it is."""
        return cast("BlockDeckApp", self.app)

    def compose(self) -> ComposeResult:
        """Header, input, error, VMs, detail."""
        yield VmHeader(id="vm-header")
        yield MonitorField(id="connect-address")
        yield FoundVms(self._called, id="found-vms")
        yield KeyBar()

    def offer(self, recent: list[str], host: SshAddress | None = None) -> None:
        """Look for VMs, and show them with the monitors used before, most recent first.

        Args:
            host: where to look; None is where it was looked last, at first this host.
        """
        self._recent = list(recent)
        self.query_one(VmHeader).show_vm(None)
        self._field.say("")
        self._look(host or self._host)

    def tell(self, monitor: str, sentence: str, advice: str = "") -> None:
        """Say what came of connecting, under the input."""
        # What was picked from the list stays in the list, so that Enter there goes on to work.
        if monitor and self._field.value != monitor and not self._picked:
            self._field.put(monitor)
        self._field.say(sentence, advice)
        if not self._picked:
            self._field.type_in()

    # --- the address -----------------------------------------------------------------------------

    @property
    def _field(self) -> MonitorField:
        return self.query_one(MonitorField)

    @on(Input.Submitted, "#monitor")
    def _submitted(self, event: Input.Submitted) -> None:
        self.action_connect()

    def action_connect(self) -> None:
        """Connect to what is typed in; without that, to the highlighted VM."""
        text = self._field.value
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
        if isinstance(address, SshAddress) and not address.inside:
            self.tell(text, "")
            self._look(address)
            return
        self.tell(text, f"Connecting to {address} ...", caution(address))
        self.post_message(self.Chosen(address))

    # --- the VMs ---------------------------------------------------------------------------------

    @property
    def found(self) -> Findings:
        """What has been found so far."""
        return self._list.found

    @property
    def highlighted(self) -> FoundVm | None:
        """The VM under the cursor."""
        return self._list.highlighted

    @property
    def _list(self) -> FoundVms:
        return self.query_one(FoundVms)

    def _called(self, vm: FoundVm) -> str:
        """What the settings call a VM, by any of its monitors."""
        there = (str(monitor.address) for monitor in vm.monitors if monitor.address is not None)
        return self.deck.settings.called(there)

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
        self._list.tell(f"Asking {plain(host.login, 200)} for its VMs ...")

        def told(found: Findings) -> None:
            self._host = host
            self._show(found)

        try:
            await self.deck.scout.look_elsewhere(host, recent, told)
        except ConnectFailure as failure:
            self._field.say(failure.sentence, failure.advice)
            if self.found.vms:
                self._show(self.found)
                return
            if host == self._host:
                self._host = None
            self._look(self._host)

    def _show(self, found: Findings) -> None:
        # Not composed yet, or closed with the app, while the search went on.
        if self.app.is_running and self.is_mounted and self.query("#found-text"):
            there = {worker.snapshot.address for worker in self.deck.fleet.workers}
            self._list.show(found, self._host, there)

    @on(FoundVms.Highlighted)
    def _another_highlighted(self) -> None:
        # Whether there is a remedy to copy.
        self.refresh_bindings()

    # --- marks and filter ------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Mark the highlighted VM, or take its mark away; one that cannot be opened says why."""
        vm = self.highlighted
        if vm is None or not self._list.table.has_focus:
            return
        if vm.best is None or vm.best.address is None:
            self._pick(vm)
        else:
            self._list.mark(vm)

    def action_mark_all(self) -> None:
        """Mark all on show that may be opened together, or take their marks away."""
        if self._list.table.has_focus and not self._list.mark_all():
            self.notify("None of these VMs is free to connect to.", severity="warning")

    @on(FoundVms.MarksChanged)
    def _tell_marks(self) -> None:
        self._field.say("", self._list.marks_told)

    def action_filter(self) -> None:
        """Type a filter."""
        self._list.filter()

    @property
    def _is_filtered(self) -> bool:
        return self.is_mounted and any(each.is_filtered for each in self.query(FoundVms))

    # --- connecting to one of them, or to several -----------------------------------------------

    @on(FoundVms.Picked)
    def _picked_from_the_list(self) -> None:
        if self._list.marked:
            self._open_marked()
        elif self.highlighted is not None:
            self._pick(self.highlighted)

    def _open_marked(self) -> None:
        """Connect to every VM that is marked."""
        addresses = self._list.marked_addresses
        self._list.unmark()
        self._picked = True
        self._field.say(f"Connecting to {len(addresses)} monitors ...", caution(*addresses))
        self.workers.cancel_group(self, "look")
        self.post_message(self.Chosen(*addresses))

    def _pick(self, vm: FoundVm) -> None:
        """Connect to the best monitor of a VM, or say why there is none."""
        self._picked = True
        self._field.put("")
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
            self._field.say(why, remedy)
            return
        self._field.say(f"Connecting to {best.address} ...", caution(best.address))
        # The look could be holding this very monitor at the moment.
        self.workers.cancel_group(self, "look")
        self.post_message(self.Chosen(best.address))

    def action_to_list(self) -> None:
        """Go to the VMs."""
        if self._list.table.row_count:
            self._list.table.focus()

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
            self._list.unfilter()
            return
        if self._host is None:
            self.post_message(self.Left())
            return
        self._host = None
        self._picked = False
        self._field.put("")
        self._field.say("")
        self._field.type_in()
        self._show(Findings())
        self.action_look()
