"""A page of text over the screen, to read and to copy."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from tui.keymap import remappable
from tui.paths import sheets
from tui.screens.dialog import Dialog
from tui.text import plain
from tui.widgets.facts import Facts, labelled
from tui.widgets.key_bar import KeyBar
from tui.widgets.line import Line
from tui.widgets.page_dialog import PageDialog


class TextPage(Dialog[None]):
    """Shows foreign text line by line, escaped; `c` copies it as it is."""

    CSS_PATH = sheets("dialogs")

    BINDING_GROUP_TITLE = "Text"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss(None)", "Back"),
        Binding("c", "copy", "Copy", tooltip="Copy the text of the page (OSC 52)"),
    ]
    BINDINGS = remappable("page", BINDINGS)

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        """A title and the text."""
        with PageDialog():
            yield Line(plain(self._title, 200), classes="dialog-title")
            with VerticalScroll():
                yield self._body("\n".join(plain(line) for line in self._text.split("\n")))
            yield KeyBar()

    def _body(self, text: str) -> Line:
        return Line(text)

    def action_copy(self) -> None:
        """Copy over the terminal."""
        self.app.copy_to_clipboard(self._text)
        self.notify("Sent to your terminal's clipboard (OSC 52)")


class FactsPage(TextPage):
    """Shows lines that begin with labels; what is long goes on under the values."""

    def _body(self, text: str) -> Line:
        return Facts(labelled(text))
