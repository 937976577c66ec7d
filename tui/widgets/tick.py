"""Boxes to tick, told by their sign and not by their colour: `[ ]` or `[x]`."""

from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Checkbox, SelectionList
from textual.widgets.option_list import OptionDoesNotExist

from tui.text import plain

Value = TypeVar("Value")

_BUTTON = 3
"""The segments that Textual draws its own box of; ours takes as many cells."""


def box(ticked: bool) -> str:
    """The box, ticked or not."""
    return "[x]" if ticked else "[ ]"


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
        return Content.assemble((f"{box(self.ticked)} I accept: ", "bold"), plain(self.text))

    def action_tick(self) -> None:
        """Tick or clear."""
        self.ticked = not self.ticked
        self.post_message(self.Changed())

    def on_click(self) -> None:
        """The mouse ticks as well."""
        self.action_tick()


class Box(Checkbox):
    """Textual's box beside a word that is no consent."""

    def render(self) -> Content:
        """The box and what it is about."""
        style = self.get_visual_style("toggle--label")
        return Content.assemble(box(self.value), self.label.pad(1, 1).stylize_before(style))


class TickList(SelectionList[Value], Generic[Value]):
    """Textual's list of choices, of a line each; what cannot be chosen has no box."""

    def render_line(self, y: int) -> Strip:
        """The box before the line."""
        strip = super().render_line(y)
        try:
            option = self.get_option_at_index(round(self.scroll_offset.y) + y)
        except OptionDoesNotExist:
            return strip
        sign = "   " if option.disabled else box(option.value in self.selected)
        words = list(strip)[_BUTTON:]
        return Strip([Segment(sign, words[0].style), *words])
