"""A line to type in, which keeps the terminal safe from what is pasted."""

from textual.strip import Strip
from textual.suggester import Suggester
from textual.widgets import Input

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

    def render_line(self, y: int) -> Strip:
        """All of the line looks as its text does, also where there is none."""
        width = self.scrollable_content_region.width
        return super().render_line(y).extend_cell_length(width, self.rich_style)

    def validate_value(self, value: str) -> str:
        """The text with a sign for everything that would not be drawn but obeyed."""
        if value.isprintable():
            return value
        return "".join(sign if sign.isprintable() else UNSEEN for sign in value)
