"""The foot of the form: a message in full, the start button, and why it is off."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button

from tui.text import plain
from tui.widgets.line import Line

_KINDS = ("ready", "refuses", "danger", "risk", "unknown")


class FormFoot(Vertical):
    """Two lines of message above one with the button."""

    def compose(self) -> ComposeResult:
        """Message, button, status."""
        yield Line(id="form-message")
        with Horizontal(id="form-bottom"):
            yield Button("Start backup", id="start", compact=True, disabled=True)
            yield Line(id="form-status")

    @property
    def start(self) -> Button:
        """The button."""
        return self.query_one("#start", Button)

    def tell(self, text: str, kind: str = "") -> None:
        """Say in full what is wrong with the field one is in, or what it is for."""
        self._show("#form-message", text, kind)

    def status(self, text: str, kind: str) -> None:
        """Say in a few words whether the backup can be started."""
        self._show("#form-status", text, kind)

    def _show(self, where: str, text: str, kind: str) -> None:
        line = self.query_one(where, Line)
        line.show(plain(text))
        for known in _KINDS:
            line.set_class(kind == known, f"-{known}")
