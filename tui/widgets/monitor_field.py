"""Where the address of a monitor is typed in, and what is said of it below."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Input

from tui.text import plain
from tui.widgets.found_summary import typed_caution
from tui.widgets.line import Line
from tui.widgets.plain_input import PlainInput

_LONGEST = 600


class _Address(PlainInput):
    """Tells at the foot of the screen what can be done from it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Connect"),
        Binding("down", "screen.to_list", "VMs"),
    ]


class MonitorField(Container):
    """A heading, an input, and two lines that are seen while they have something to say."""

    def compose(self) -> ComposeResult:
        """All of them."""
        yield Line("Monitor of the VM to back up", classes="dialog-title")
        yield _Address(
            placeholder="/run/vm.qmp, host:port, ssh://..., or choose a VM below", id="monitor"
        )
        yield Line(id="connect-error")
        yield Line(id="connect-advice")

    def on_mount(self) -> None:
        """Nothing is said yet; ready to type."""
        self.say("")
        self.type_in()

    @property
    def value(self) -> str:
        """What is typed in."""
        return self.query_one(Input).value

    def put(self, text: str) -> None:
        """Have another text in it; what is said stays."""
        field = self.query_one(Input)
        with field.prevent(Input.Changed):
            field.value = text

    def type_in(self) -> None:
        """Put the cursor there."""
        self.query_one(Input).focus()

    def say(self, sentence: str, advice: str = "") -> None:
        """Say what is wrong, and what to do about it; "" is nothing."""
        told = {"connect-error": sentence, "connect-advice": advice}
        for name, text in told.items():
            for line in self.query(f"#{name}").results(Line):
                line.show_resized("\n".join(plain(part, _LONGEST) for part in text.split("\n")))
                line.display = bool(text)

    @on(Input.Changed)
    def _typing(self, event: Input.Changed) -> None:
        self.say("", typed_caution(event.value))
