"""A line to type a filter in; hidden while there is none."""

from textual import on
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
        # Made when it is first opened, which it mostly is not.
        self._field: PlainInput | None = None

    def on_mount(self) -> None:
        """Hidden until it is asked for."""
        self.display = False

    @property
    def words(self) -> str:
        """What is filtered for; "" is nothing."""
        return self._field.value.strip() if self._field is not None else ""

    def open(self) -> None:
        """Show the line and type in it."""
        if self._field is None:
            self._field = PlainInput(placeholder=self._hint)
            self.mount(Line("Filter", classes="filter-label"), self._field)
        if self.screen.focused is not self._field:
            self._from = self.screen.focused
        self.display = True
        self._field.focus()

    def close(self) -> None:
        """Filter no more."""
        if self._field is not None:
            self._field.value = ""
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
