"""One of several, a line each."""

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.paths import sheets
from tui.screens.dialog import Dialog
from tui.text import plain
from tui.widgets.key_bar import BarKey, KeyBar
from tui.widgets.line import Line

T = TypeVar("T")


class ChoiceMenu(Dialog[T | None], Generic[T]):
    """Gives what was chosen, or None.

    Args:
        title: what it is for.
        choices: each in words, which are escaped here.
        empty: what to say where there is none.
    """

    CSS_PATH = sheets("dialogs", "acts", "images")

    BINDING_GROUP_TITLE = "Which one"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "Back")]

    def __init__(self, title: str, choices: Sequence[tuple[str, T]], empty: str = "") -> None:
        super().__init__()
        self._title = title
        self._choices = tuple(choices)
        self._empty = empty

    def compose(self) -> ComposeResult:
        """The lines, and what the keys do."""
        words = [plain(words, 120) for words, _ in self._choices]
        with Vertical(classes="dialog acts"):
            yield Line(plain(self._title, 120), classes="dialog-title")
            yield OptionList(
                *(Option(each, id=str(place)) for place, each in enumerate(words)),
                id="choices",
                markup=False,
            )
            if not words:
                yield Line(self._empty, classes="dialog-hint")
            yield KeyBar(*([BarKey("enter", "Enter", "Take it", "select")] if words else ()))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._choices[int(event.option.id or 0)][1])
