"""Asks which dirty bitmaps are to be merged into one."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.paths import sheets
from tui.screens.dialog import Dialog
from tui.text import plain
from tui.units import size
from tui.vm.bitmap_acts import BitmapAct, BitmapSource, BitmapVerb, why_no_source
from tui.vm.bitmaps import Bitmap
from tui.widgets.key_bar import BarKey, KeyBar
from tui.widgets.line import Line
from tui.widgets.tick import box


class BitmapMerge(Dialog[BitmapAct | None]):
    """Gives the act that merges, or None.

    Args:
        target: what is merged into.
        others: what could be merged.
    """

    CSS_PATH = sheets("dialogs", "form", "acts")

    BINDING_GROUP_TITLE = "Merge bitmaps"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,m", "go_on", "Go on"),
        Binding("space", "tick", "Tick", show=False),
        Binding("escape,q", "dismiss(None)", "Back"),
    ]

    def __init__(self, target: Bitmap, others: Sequence[Bitmap]) -> None:
        super().__init__()
        self._target = target
        self._others = {other.key: other for other in others if other.key != target.key}
        self._ticked: set[str] = set()

    def compose(self) -> ComposeResult:
        """One line a bitmap."""
        into = f"{self._target.title} on {self._target.node.disk}"
        with Vertical(classes="dialog acts"):
            yield Line(f"Merge into {plain(into, 50)}", classes="dialog-title")
            yield OptionList(*(self._option(key) for key in self._others), id="verbs")
            yield Line(" ", id="typed-error")
            yield KeyBar(BarKey("enter", "Enter", "Tick", "select"))

    def _option(self, key: str) -> Option:
        other = self._others[key]
        why = why_no_source(other, self._target)
        words = plain(f"{other.title} on {other.node.disk}", 40)
        if why is not None:
            return Option(Content.styled(f"    {words}: no: {plain(why)}", "$muted"), disabled=True)
        sign = box(key in self._ticked)
        return Option(Content(f"{sign} {words}  {size(other.info.count)}"), id=key)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        key = event.option.id or ""
        self._ticked ^= {key}
        option = self._option(key)
        event.option_list.replace_option_prompt(key, option.prompt)

    def action_tick(self) -> None:
        """As Enter does."""
        self.query_one(OptionList).action_select()

    def action_go_on(self) -> None:
        """Give the act, unless nothing is ticked."""
        if not self._ticked:
            self.query_one("#typed-error", Line).show("Tick what to merge into it.")
            return
        ticked = [other for key, other in self._others.items() if key in self._ticked]
        sources = tuple(BitmapSource(other.node.name, other.name) for other in ticked)
        node, name = self._target.node.name, self._target.name
        self.dismiss(BitmapAct(BitmapVerb.MERGE, node=node, name=name, sources=sources))
