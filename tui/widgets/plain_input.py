"""A line to type in, which keeps the terminal safe from what is pasted."""

from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.suggester import Suggester
from textual.widgets import Input

from tui.widgets.late_hide import keep_focus

UNSEEN = "\ufffd"
"""Stands for a pasted character that cannot be seen, and is an error that can be."""


class PlainInput(Input):
    """One line high, without a blinking cursor; characters that are commands become a sign."""

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        suggester: Suggester | None = None,
        max_length: int = 0,
        id: str | None = None,
    ) -> None:
        super().__init__(
            value,
            placeholder=placeholder,
            suggester=suggester,
            max_length=max_length,
            select_on_focus=False,
            compact=True,
            id=id,
        )
        self.cursor_blink = False

    def on_focus(self) -> None:
        """Begin where one types."""
        self._bring_cursor_into_view()

    def on_hide(self, event: events.Hide) -> None:
        """Keep the focus where the news is late."""
        keep_focus(self, event)

    def on_resize(self) -> None:
        """Stay there."""
        if self.has_focus:
            self._bring_cursor_into_view()

    def _bring_cursor_into_view(self) -> None:
        # Textual does so when the cursor moves, which is before it knows how wide the line is.
        cursor = Region(self._cursor_offset, 0, 1, 1)
        self.scroll_to_region(cursor, force=True, animate=False, immediate=True)

    def render_line(self, y: int) -> Strip:
        """All of the line looks as its text does, also where there is none."""
        width = self.scrollable_content_region.width
        return super().render_line(y).extend_cell_length(width, self.rich_style)

    def validate_value(self, value: str) -> str:
        """The text with a sign for everything that would not be drawn but obeyed."""
        if value.isprintable():
            return value
        return "".join(sign if sign.isprintable() else UNSEEN for sign in value)
