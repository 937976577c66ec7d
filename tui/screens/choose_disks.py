"""Which disks a chain is to be of."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Checkbox, SelectionList
from textual.widgets.selection_list import Selection

from tui.text import plain
from tui.units import size
from tui.vm.snapshot import Device
from tui.widgets.line import Line


class ChosenDisks(NamedTuple):
    """The keys of disks, and whether the guest is to be frozen while their backup begins."""

    keys: tuple[str, ...]
    freeze: bool


class ChooseDisks(ModalScreen[ChosenDisks | None]):
    """Gives what was chosen, or None.

    Args:
        devices: the disks that can be chosen; those that the guest writes to are at first.
        directory: where the images go.
        freezable: whether a socket of the guest's agent is known.
    """

    BINDING_GROUP_TITLE = "Disks of a chain"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "start", "Start"),
        Binding("escape,q", "dismiss(None)", "Back"),
    ]

    def __init__(self, devices: Sequence[Device], directory: str, *, freezable: bool) -> None:
        super().__init__()
        self._freezable = freezable
        self._devices = tuple(devices)
        self._directory = directory

    def compose(self) -> ComposeResult:
        """What it does, the disks, the keys."""
        with Vertical(classes="dialog acts"):
            yield Line("Start a chain", classes="dialog-title")
            yield Line(
                "These disks are copied whole, as they are at one moment, to "
                f"{plain(self._directory, 200)}. From that moment on bitmaps in the VM record what "
                "is written, for the increments to come.",
                classes="dialog-text",
            )
            yield SelectionList[str](*map(self._selection, self._devices), id="chain-disks")
            if self._freezable:
                yield Checkbox("Freeze the guest by its agent while it begins", id="chain-freeze")
            yield Line(" ", id="chain-disks-error")
            yield Line("Space chooses, F2 starts, Esc goes back.", classes="dialog-hint")

    def _selection(self, device: Device) -> Selection[str]:
        medium = device.medium
        held = size(medium.virtual_size) if medium else ""
        writable = medium is not None and not medium.read_only
        why = device.obstacle
        width = min(40, max(len(plain(one.title, 40)) for one in self._devices))
        words = f"{plain(device.title, 40):<{width}}  {held:>8}{f'  no: {why}' if why else ''}"
        at_first = why is None and writable
        return Selection(Content(words), device.key, at_first, disabled=why is not None)

    def on_mount(self) -> None:
        """Choose at once."""
        self.query_one(SelectionList).focus()

    def action_start(self) -> None:
        """Take what is chosen."""
        chosen = self.query_one(SelectionList).selected
        if chosen:
            freeze = any(box.value for box in self.query(Checkbox))
            self.dismiss(ChosenDisks(tuple(chosen), freeze))
        else:
            self.query_one("#chain-disks-error", Line).show("Choose a disk at least.")
