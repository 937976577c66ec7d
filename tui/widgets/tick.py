"""A box to tick, told by its sign and not by its colour: `[ ]` or `[x]`."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Checkbox

from tui.text import plain


class Tick(Widget, can_focus=True):
    """An explicit consent; Space or Enter ticks it.

    Args:
        rule: what is consented to.
        text: what is lost by it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space,enter", "tick", "Tick", show=False)]
    ticked: reactive[bool] = reactive(False, layout=False)

    class Changed(Message):
        """The box was ticked or cleared."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__()
        self.rule = rule
        self.text = text

    def render(self) -> Content:
        """The box and the words."""
        box = "[x] " if self.ticked else "[ ] "
        return Content.assemble((f"{box}I accept: ", "bold"), plain(self.text))

    def action_tick(self) -> None:
        """Tick or clear."""
        self.ticked = not self.ticked
        self.post_message(self.Changed())

    def on_click(self) -> None:
        """The mouse ticks as well."""
        self.action_tick()


class Box(Checkbox):
    """A box beside a word that is no consent."""

    BUTTON_LEFT = "["
    BUTTON_INNER = " "
    BUTTON_RIGHT = "]"

    def watch_value(self) -> None:
        """Textual draws the same sign in another colour."""
        self.BUTTON_INNER = "x" if self.value else " "
        super().watch_value()
