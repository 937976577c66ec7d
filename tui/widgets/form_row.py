"""One argument: its label, its control, and a line under it that helps or says what is wrong."""

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Select

from tui.backup.draft import read_back
from tui.backup.fields import Choice, FormField
from tui.text import plain
from tui.widgets.line import Line
from tui.widgets.plain_input import PlainInput
from tui.widgets.plain_select import PlainSelect

_LONGEST_INPUT = 4096


class FormRow(Vertical):
    """Two lines, three in a tall terminal: a message never moves what one is typing in.

    What is wrong with the field one is in takes the lines that it needs.
    """

    class Changed(Message):
        """The field's text is another."""

        def __init__(self, name: str, text: str) -> None:
            super().__init__()
            self.name = name
            self.text = text

    class Resized(Message):
        """It takes more lines than before, or fewer."""

    def __init__(self, field: FormField, text: str, suggester: Suggester | None = None) -> None:
        super().__init__(classes="form-row")
        self.field = field
        self._text = text
        self._mark_unset()
        self._suggester = suggester
        self._choices: tuple[Choice, ...] = field.choices
        self._hint = field.help
        self._under = Line(self._said, classes="form-hint")
        self._control = self._select() if field.kind in ("choice", "switch") else self._input()
        self.message: tuple[str, str] | None = None
        """What is wrong and how grave it is, as shown under the field."""

    @property
    def text(self) -> str:
        """What is typed or chosen; "" is "not given"."""
        return self._text

    @property
    def is_complete(self) -> bool:
        """Whether the control can be talked to."""
        return self._control.is_mounted

    @property
    def help(self) -> str:
        """How what is typed is read, where that has a unit; else what the field is for."""
        return read_back(self._text, self.field.kind) or self.field.help

    @property
    def _said(self) -> str:
        return read_back(self._text, self.field.kind) or self._hint

    def compose(self) -> ComposeResult:
        """Label and control, then the line of help."""
        with Horizontal():
            yield Line(self.field.label + self._mark(), classes="form-label")
            yield self._control
        yield self._under

    def _mark(self) -> str:
        if self.field.deprecated:
            return " (deprecated)"
        return " (unstable)" if self.field.unstable else ""

    def _input(self) -> Input:
        return PlainInput(
            self._text,
            placeholder=f"default: {self.field.default}" if self.field.default else "",
            suggester=self._suggester,
            max_length=_LONGEST_INPUT,
        )

    def _select(self) -> PlainSelect[str]:
        return PlainSelect(self._options(), value=self._text)

    def _options(self) -> list[tuple[str, str]]:
        if self.field.kind == "switch":
            choices: Sequence[Choice] = (Choice(value="on"), Choice(value="off"))
        else:
            choices = self._choices
        options = [(_words(choice), choice.value) for choice in choices]
        if self._text and self._text not in {choice.value for choice in choices}:
            options.append((plain(self._text), self._text))
        if not self.field.required:
            default = f"default: {self.field.default}" if self.field.default else "not given"
            options.insert(0, (default, ""))
        elif not self._text:
            options.insert(0, ("choose one", ""))
        return options

    def offer(self, choices: tuple[Choice, ...], hint: str = "") -> None:
        """Offer these choices, and say why others are missing."""
        self._hint = hint or self.field.help
        if choices != self._choices and self.field.kind == "choice":
            self._choices = choices
            self._choose_from_options()

    def set_text(self, text: str) -> None:
        """Put this in, as if it had been typed."""
        if text == self._text:
            return
        if isinstance(self._control, Input):
            self._control.value = text
        else:
            self._text = text
            self._mark_unset()
            self._choose_from_options()
            self.post_message(self.Changed(self.field.name, text))

    def _choose_from_options(self) -> None:
        control = self._control
        if isinstance(control, PlainSelect):
            with control.prevent(Select.Changed):
                control.offer(self._options())
                control.value = self._text

    def _mark_unset(self) -> None:
        self.set_class(not self._text, "-unset")

    def tell(self, message: str | None, severity: str = "") -> None:
        """Show what is wrong under the field, or how it is read, or the help again."""
        self.message = None if message is None else (message, severity)
        hint = self._under
        hint.show_resized(plain(message if message is not None else self._said))
        for known in ("refuses", "danger", "risk", "unknown", "note"):
            hint.set_class(message is not None and severity == known, f"-{known}")
        self.set_class(message is not None and severity in ("refuses", "danger"), "-wrong")
        self.set_class(message is not None, "-told")

    def tells(self, message: str) -> bool:
        """Whether this is what it says to be wrong."""
        return self.message is not None and self.message[0] == message

    def enable(self, enabled: bool) -> None:
        """Let the control be changed, or not."""
        self._control.disabled = not enabled

    def focus_control(self) -> None:
        """Put the focus into the control."""
        self._control.focus()

    def on_resize(self) -> None:
        """Tell the form, which knows what is in view."""
        self.post_message(self.Resized())

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._take(event.value)

    @on(Select.Changed)
    def _chosen(self, event: "Select.Changed") -> None:
        event.stop()
        self._take(event.value if isinstance(event.value, str) else "")

    def _take(self, text: str) -> None:
        # Select posts its first value as a change when it is mounted.
        if text != self._text:
            self._text = text
            self._mark_unset()
            self.post_message(self.Changed(self.field.name, text))


def _words(choice: Choice) -> str:
    words = f"{choice.value}: {choice.help}" if choice.help else choice.value
    if choice.deprecated:
        words += " (deprecated)"
    if choice.unstable:
        words += " (unstable)"
    return words
