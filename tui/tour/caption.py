"""The caption of a tour, above the keys of whatever screen is on top."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from tui.widgets.line import Line

_KEYS = "space holds  ← again  → on  q leaves"


class TourCaption(Vertical):
    """What the story says now, and the keys that steer it."""

    can_focus = False

    def compose(self) -> ComposeResult:
        """A title, a text."""
        yield Line(" ", classes="tour-title")
        yield Line(" ", classes="tour-text")

    def say(self, title: str, text: str, state: str) -> None:
        """Show a caption; `state` is a word such as HELD."""
        if not self.is_mounted or not self.query(Line):
            return
        title_line, text_line = self.query(Line).results(Line)
        held = (f"  {state}", "reverse") if state else ("", "")
        title_line.show(Content.assemble((title, "bold"), held, f"   {_KEYS}"))
        text_line.show_resized(text)
