"""A question before something is lost. The answer is no unless said otherwise."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button

from tui.paths import sheets
from tui.screens.dialog import Dialog
from tui.text import markup
from tui.widgets.key_bar import KeyBar
from tui.widgets.line import Line


class Confirm(Dialog[bool]):
    """Gives True only for `y` or the button that says so; Escape, `n` and Enter at once give False.

    Args:
        title: the question.
        text: what will be lost.
        yes: what happens on yes, as a verb.
        no: what happens on no.
    """

    CSS_PATH = sheets("dialogs")

    BINDING_GROUP_TITLE = "Question"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
        Binding("left,up", "app.focus_previous", "Previous", show=False),
        Binding("right,down", "app.focus_next", "Next", show=False),
    ]

    def __init__(self, *, title: str, text: str, yes: str, no: str) -> None:
        super().__init__()
        self._words = title, text, yes, no

    def compose(self) -> ComposeResult:
        """Title, text, two buttons, keys."""
        title, text, yes, no = self._words
        with Vertical(classes="dialog"):
            yield Line(title, classes="dialog-title")
            yield Line(text, classes="dialog-text")
            with Horizontal(classes="dialog-buttons"):
                yield Button(markup(no), id="no", compact=True)
                yield Button(markup(yes), id="yes", compact=True)
            yield KeyBar()

    def on_mount(self) -> None:
        """No is what Enter means."""
        self.query("#no").focus()

    def action_answer(self, answer: bool) -> None:
        """Close with an answer."""
        self.dismiss(answer)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
