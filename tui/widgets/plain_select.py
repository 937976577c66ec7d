"""A choice of a few, whose words stand as they are."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from rich.text import Text
from textual import events
from textual.widgets import Select

from tui.widgets.late_hide import keep_focus

Value = TypeVar("Value")


class PlainSelect(Select[Value], Generic[Value]):
    """One line high; one of its choices is always taken, and none of their words is markup.

    Args:
        choices: the words and what they stand for, one at least.
        value: what is chosen at first.
        id: its name in the style sheet.
    """

    def __init__(
        self, choices: Iterable[tuple[str, Value]], value: Value, *, id: str | None = None
    ) -> None:
        super().__init__(_as_they_are(choices), value=value, allow_blank=False, compact=True, id=id)

    def offer(self, choices: Iterable[tuple[str, Value]]) -> None:
        """Have other choices; the first of them is taken."""
        self.set_options(_as_they_are(choices))

    def on_hide(self, event: events.Hide) -> None:
        """Keep the focus where the news is late."""
        keep_focus(self, event)


def _as_they_are(choices: Iterable[tuple[str, Value]]) -> Iterator[tuple[Text, Value]]:
    return ((Text(words), value) for words, value in choices)
