"""All keys, read from the bindings themselves."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from tui.widgets.key_bar import KeyBar
from tui.widgets.line import Line


class HelpScreen(ModalScreen[None]):
    """The keys of every screen, by screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss(None)", "Back"),
    ]

    def __init__(self, groups: Sequence[tuple[str, Sequence[BindingType]]]) -> None:
        super().__init__()
        self._groups = groups

    def compose(self) -> ComposeResult:
        """One block of text."""
        with Vertical(classes="dialog page"):
            yield Line("Keys", classes="dialog-title")
            with VerticalScroll():
                yield Line(Content("\n").join(self._lines()))
            yield KeyBar()

    def _lines(self) -> Iterable[Content]:
        for title, bindings in self._groups:
            yield Content.styled(title, "bold $accent")
            for binding in bindings:
                if not isinstance(binding, Binding) or not binding.description:
                    continue
                keys = ", ".join(
                    self.app.get_key_display(single) for single in Binding.make_bindings([binding])
                )
                words = binding.tooltip or binding.description
                yield Content.assemble((f"  {keys:<18}", "bold"), words)
            yield Content("")
