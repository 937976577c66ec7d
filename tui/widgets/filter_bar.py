"""A line to type a filter in; hidden while there is none."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from tui.widgets.line import Line
from tui.widgets.plain_input import PlainInput


class FilterBar(Horizontal):
    """`open()` shows and focuses it; Enter keeps it and goes back, `close()` takes it away."""

    def __init__(self, hint: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._hint = hint
        self._from: Widget | None = None

    def compose(self) -> ComposeResult:
        """A label and an input."""
        yield Line("Filter", classes="filter-label")
        yield PlainInput(placeholder=self._hint)

    def on_mount(self) -> None:
        """Hidden until it is asked for."""
        self.display = False

    @property
    def words(self) -> str:
        """What is filtered for; "" is nothing."""
        return self.query_one(Input).value.strip()

    def open(self) -> None:
        """Show the line and type in it."""
        field, focused = self.query_one(Input), self.screen.focused
        if focused is not field:
            self._from = focused
        self.display = True
        field.focus()

    def close(self) -> None:
        """Filter no more."""
        self.query_one(Input).value = ""
        self.display = False

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self.words:
            self.display = False
        if self._from is not None and self._from.is_attached:
            self._from.focus()
        else:
            self.screen.focus_next()
