"""Asks for a value: typed, or one of those that are often wanted."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui.paths import sheets
from tui.screens.dialog import Dialog
from tui.widgets.key_bar import BarKey, KeyBar
from tui.widgets.line import Line
from tui.widgets.plain_input import PlainInput

T = TypeVar("T")


class TypedOrPreset(Dialog[T | None], Generic[T]):
    """Gives the value, or None where nothing is to change.

    Args:
        title: what it is about.
        text: how it is now.
        placeholder: what can be typed.
        presets: what can be chosen, in words.
        read: reads what is typed; it raises a ValueError with words for the operator.
        read_back: tells how what is typed is read, where that needs telling.
        default: what stands for typing nothing; without one that is for `read` to say.
    """

    CSS_PATH = sheets("dialogs", "acts")

    BINDING_GROUP_TITLE = "A new value"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back"),
        Binding("down", "app.focus_next", "Presets", show=False),
    ]

    def __init__(
        self,
        *,
        title: str,
        text: str,
        placeholder: str,
        presets: Sequence[tuple[str, T]],
        read: Callable[[str], T],
        read_back: Callable[[str], str] = lambda _: "",
        default: str = "",
    ) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._placeholder = placeholder
        self._presets = tuple(presets)
        self._read = read
        self._read_back = read_back
        self._default = default

    def compose(self) -> ComposeResult:
        """What is, a line to type in, and what is often wanted."""
        with Vertical(classes="dialog acts"):
            yield Line(self._title, classes="dialog-title")
            yield Line(self._text, classes="dialog-text")
            yield PlainInput(placeholder=self._placeholder, id="typed-input")
            yield Line(" ", id="typed-error")
            yield OptionList(
                *(Option(words, id=str(place)) for place, (words, _) in enumerate(self._presets)),
                id="typed-presets",
                markup=False,
            )
            yield KeyBar(BarKey("enter", "Enter", "Set it", "submit"))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        mistake = self._mistake(event.value)
        self._tell(mistake or self._read_back(event.value), wrong=bool(mistake))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        mistake = self._mistake(event.value, empty_too=True)
        if mistake:
            self._tell(mistake, wrong=True)
        else:
            self.dismiss(self._read(event.value or self._default))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._presets[int(event.option.id or 0)][1])

    def _tell(self, text: str, *, wrong: bool) -> None:
        line = self.query_one("#typed-error", Line)
        line.show(text or " ")
        line.set_class(not wrong, "-read")

    def _mistake(self, text: str, *, empty_too: bool = False) -> str:
        if not text and not empty_too:
            return ""
        try:
            self._read(text or self._default)
        except ValueError as error:
            return str(error)
        return ""
