"""Where a monitor is entered: a socket path or host:port, the recent ones below."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Input, OptionList
from textual.widgets.option_list import Option

from tui.qmp.address import AddressError, MonitorAddress, parse_address
from tui.text import plain
from tui.widgets.line import Line
from tui.widgets.plain_input import PlainInput
from tui.widgets.vm_header import VmHeader

_HINT = (
    "Enter connects, Down goes to the recent ones, Ctrl+Q quits.\n\n"
    "QMP serves one client at a time. If libvirt or another tool holds the\n"
    "monitor, start the VM with a second one:\n\n"
    "    -qmp unix:/run/my-vm.qmp2,server=on,wait=off"
)


class ConnectScreen(Screen[None]):
    """An input, what is wrong with it, and the monitors used before."""

    BINDING_GROUP_TITLE = "Connect"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "connect", "Connect", show=False, tooltip="Connect to what is typed in"),
        Binding("down", "recent", "Recent", show=False, tooltip="Go to the recent monitors"),
        Binding("escape", "back", "Back", tooltip="Back to the VM that is open"),
    ]

    class Chosen(Message):
        """This monitor shall be connected to."""

        def __init__(self, address: MonitorAddress) -> None:
            super().__init__()
            self.address = address

    class Left(Message):
        """The operator wants back to the VM."""

    def __init__(self) -> None:
        super().__init__()
        self._recent: list[str] = []

    def compose(self) -> ComposeResult:
        """Header, input, error, recent monitors."""
        yield VmHeader(id="vm-header")
        with Vertical(id="connect"):
            yield Line("Monitor of the VM to back up", classes="dialog-title")
            yield PlainInput(placeholder="/run/vm.qmp  or  host:port", id="monitor")
            yield Line(id="connect-error")
            yield Line(id="connect-advice")
            yield Line("Recent", id="recent-title")
            yield OptionList(id="recent", compact=True, markup=False)
            yield Line(_HINT, id="connect-hint")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Ready to type."""
        self.query_one(Input).focus()

    def offer(self, recent: list[str]) -> None:
        """Show the monitors used before, most recent first."""
        self._recent = list(recent)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(plain(monitor, 200)) for monitor in recent)
        options.display = self.query_one("#recent-title").display = bool(recent)
        self.query_one(VmHeader).show_vm(None)

    def tell(self, monitor: str, sentence: str, advice: str = "") -> None:
        """Say what came of connecting, under the input."""
        field = self.query_one(Input)
        if monitor and field.value != monitor:
            with field.prevent(Input.Changed):
                field.value = monitor
        self.query_one("#connect-error", Line).show(plain(sentence, 600))
        self.query_one("#connect-advice", Line).show(
            "\n".join(plain(line, 600) for line in advice.split("\n"))
        )
        field.focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self._choose(event.value)

    @on(Input.Changed)
    def _typing(self, event: Input.Changed) -> None:
        self.query_one("#connect-error", Line).show("")
        self.query_one("#connect-advice", Line).show("")

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        self._choose(self._recent[event.option_index])

    def _choose(self, text: str) -> None:
        try:
            address = parse_address(text)
        except AddressError as error:
            self.tell(text, str(error))
            return
        self.tell(text, f"Connecting to {address} ...")
        self.post_message(self.Chosen(address))

    def action_connect(self) -> None:
        """Connect to what is typed in."""
        self._choose(self.query_one(Input).value)

    def action_recent(self) -> None:
        """Go to the first of the recent monitors."""
        options = self.query_one(OptionList)
        if options.option_count:
            options.focus()
            options.highlighted = 0

    def action_back(self) -> None:
        """Back to the VM, if there is one."""
        self.post_message(self.Left())
