"""Asks what a new dirty bitmap is to be like; what is wrong is told as it is typed."""

from collections.abc import Iterator
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Select

from tui.backup.draft import parse_size, read_back
from tui.chain.bitmaps import hindrance
from tui.paths import sheets
from tui.screens.dialog import Dialog
from tui.text import plain
from tui.units import size
from tui.vm.bitmap_acts import LONGEST_NAME, BitmapAct, BitmapVerb
from tui.vm.bitmaps import BitmapNode, bitmap_nodes
from tui.vm.snapshot import VmSnapshot
from tui.widgets.key_bar import BarKey, KeyBar
from tui.widgets.line import Line
from tui.widgets.plain_input import PlainInput
from tui.widgets.plain_select import PlainSelect

_KEPT = [("in memory: gone when QEMU ends", False), ("in the image: persistent", True)]
_RECORDS = [("from now on", False), ("not before it is enabled", True)]


class BitmapForm(Dialog[BitmapAct | None]):
    """Gives the act that adds the bitmap, or None.

    Args:
        vm: the VM as it is.
        node: the node that is proposed.
    """

    CSS_PATH = sheets("dialogs", "form", "acts", "bitmaps")

    BINDING_GROUP_TITLE = "A new bitmap"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "go_on", "Go on"),
        Binding("escape", "dismiss(None)", "Back"),
    ]

    def __init__(self, vm: VmSnapshot, node: str = "") -> None:
        super().__init__()
        self._vm = vm
        self._choosable = tuple(choosable_nodes(vm))
        names = [one.name for one in self._choosable]
        self._proposed = node if node in names else next(iter(names), "")

    def compose(self) -> ComposeResult:
        """A line for each thing to choose, and one that tells what is wrong."""
        disks = [(_label(node), node.name) for node in self._choosable]
        with Vertical(classes="dialog acts bitmap-form"):
            yield Line("A new dirty bitmap", classes="dialog-title")
            with Horizontal(classes="bitmap-row"):
                yield Line("Disk", classes="form-label")
                yield PlainSelect(disks, value=self._proposed, id="node")
            with Horizontal(classes="bitmap-row"):
                yield Line("Name", classes="form-label")
                yield PlainInput(id="name", max_length=LONGEST_NAME + 1)
            with Horizontal(classes="bitmap-row"):
                yield Line("Granularity", classes="form-label")
                hint = "what QEMU takes: 64 KiB for most images"
                yield PlainInput(placeholder=hint, id="granularity", max_length=40)
            with Horizontal(classes="bitmap-row"):
                yield Line("Kept", classes="form-label")
                yield PlainSelect(_KEPT, value=False, id="kept")
            with Horizontal(classes="bitmap-row"):
                yield Line("Records", classes="form-label")
                yield PlainSelect(_RECORDS, value=False, id="records")
            yield Line(" ", id="typed-error")
            yield KeyBar(BarKey("tab", "Tab", "Next line", "focus_next"))

    def on_mount(self) -> None:
        """A name is what it needs."""
        self.query("#name").focus()

    def _act(self) -> BitmapAct:
        """What stands there.

        Raises:
            ValueError: the granularity cannot be read; in words for whoever typed it.
        """
        grain = self.query_one("#granularity", Input).value
        return BitmapAct(
            BitmapVerb.ADD,
            node=str(self.query_one("#node", Select).value),
            name=self.query_one("#name", Input).value,
            granularity=parse_size(grain) if grain else None,
            persistent=bool(self.query_one("#kept", Select).value),
            disabled=bool(self.query_one("#records", Select).value),
        )

    def _mistake(self) -> str | None:
        try:
            return hindrance(self._act(), self._vm)
        except ValueError as error:
            return str(error)

    @on(Input.Changed)
    @on(Select.Changed)
    def _changed(self) -> None:
        mistake = self._mistake()
        untouched = not self.query_one("#name", Input).value
        if mistake and not untouched:
            self._tell(mistake, wrong=True)
        else:
            grain = self.query_one("#granularity", Input).value
            self._tell(read_back(grain, "size"), wrong=False)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_go_on()

    def action_go_on(self) -> None:
        """Give the act, unless something is wrong with it."""
        mistake = self._mistake()
        if mistake is None:
            self.dismiss(self._act())
        else:
            self._tell(mistake, wrong=True)

    def _tell(self, text: str, *, wrong: bool) -> None:
        line = self.query_one("#typed-error", Line)
        line.show(plain(text or " "))
        line.set_class(not wrong, "-read")


def choosable_nodes(vm: VmSnapshot) -> Iterator[BitmapNode]:
    """The disks, then what else an operator has named."""
    for node in bitmap_nodes(vm):
        if not node.of_job and (node.disk != node.name or not node.name.startswith("#")):
            yield node


def _label(node: BitmapNode) -> str:
    return plain(f"{node.disk} ({node.driver}, {size(node.size)})", 50)
