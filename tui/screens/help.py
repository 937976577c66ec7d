"""All keys, read from the bindings themselves."""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.events import Resize
from textual.widgets import Static

from tui.paths import sheets
from tui.screens.dialog import Dialog
from tui.widgets.key_bar import KeyBar
from tui.widgets.line import Line
from tui.widgets.page_dialog import PageDialog

Group = tuple[str, Sequence[Binding]]
"""The title of a place, and its keys."""

ROOMY = 150
"""Cells from which on the keys stand in two columns."""

_KEYS_CELLS = 12


class HelpScreen(Dialog[None]):
    """The keys of every screen, by screen, in the order in which they are given."""

    CSS_PATH = sheets("dialogs")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss(None)", "Back"),
    ]

    def __init__(self, groups: Sequence[Group]) -> None:
        super().__init__()
        self._groups = groups

    def compose(self) -> ComposeResult:
        """Two halves, below each other or side by side."""
        with PageDialog(classes="keys"):
            yield Line("Keys", classes="dialog-title")
            with VerticalScroll(), Vertical(classes="keys-halves"):
                for half in _halves(self._groups):
                    yield Vertical(*self._written(half), classes="keys-half")
            yield KeyBar()

    def on_resize(self, event: Resize) -> None:
        """Use the room there is."""
        self.set_class(event.size.width >= ROOMY, "roomy")

    def _written(self, groups: Iterable[Group]) -> Iterator[Static]:
        for title, bindings in groups:
            yield Line(title, classes="keys-title")
            table = Table.grid(padding=(0, 2))
            table.add_column(width=_KEYS_CELLS, style="bold")
            table.add_column()
            for binding in bindings:
                keys = Binding.make_bindings([binding])
                told = ", ".join(self.app.get_key_display(single) for single in keys)
                table.add_row(Text(told), Text(binding.tooltip or binding.description))
            yield Static(table, classes="keys-table")


def _halves(groups: Sequence[Group]) -> tuple[Sequence[Group], Sequence[Group]]:
    """The groups, parted where both halves are about as long."""
    lengths = [len(bindings) + 2 for _, bindings in groups]
    least = min(range(len(groups)), key=lambda at: abs(sum(lengths[:at]) - sum(lengths[at:])))
    return groups[:least], groups[least:]
