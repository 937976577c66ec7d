"""Which disks a chain is to be of, and how its first point is made."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, NamedTuple

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import Input
from textual.widgets.selection_list import Selection

from tui.backup.verdict import Finding
from tui.paths import sheets
from tui.qmp.errors import QmpError
from tui.screens.chain_fleece import refuses
from tui.screens.dialog import Dialog
from tui.text import plain
from tui.units import aligned, size
from tui.vm.snapshot import Device
from tui.widgets.key_bar import BarKey, KeyBar
from tui.widgets.line import Line
from tui.widgets.plain_input import PlainInput
from tui.widgets.tick import Box, TickList


class ChosenDisks(NamedTuple):
    """The keys of disks, and how their backup begins.

    `freeze` is whether the guest is frozen meanwhile, `agent` the socket by which it is, `fleece`
    the directory on fast storage that saves what it overwrites; "" is none.
    """

    keys: tuple[str, ...]
    freeze: bool
    fleece: str
    agent: str = ""


class ChooseDisks(Dialog[ChosenDisks | None]):
    """Gives what was chosen, or None.

    Args:
        devices: the disks that can be chosen; those that the guest writes to are at first.
        directory: where the images go.
        agent: the socket of the guest's agent; "" where it is not known.
        fleece: the directory for fleecing that is suggested; "" is none.
        against: tells what is to be said against fleecing these disks to a directory.
        suggester: completes that directory.
    """

    CSS_PATH = sheets("dialogs", "form", "chains")

    BINDING_GROUP_TITLE = "Disks of a chain"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "start", "Start"),
        Binding("escape,q", "dismiss(None)", "Back"),
    ]

    def __init__(
        self,
        devices: Sequence[Device],
        directory: str,
        *,
        agent: str,
        fleece: str,
        against: Callable[[Sequence[Device], str], Awaitable[Finding | None]],
        suggester: Suggester,
    ) -> None:
        super().__init__()
        self._agent = agent
        self._devices = tuple(devices)
        self._directory = directory
        self._fleece = fleece
        self._against = against
        self._suggester = suggester

    def compose(self) -> ComposeResult:
        """What it does, the disks, the rest, the keys."""
        with Vertical(classes="dialog acts"):
            yield Line("Start a chain", classes="dialog-title")
            yield Line(
                "These disks are copied whole, as they are at one moment, to "
                f"{plain(self._directory, 200)}. From that moment on bitmaps in the VM record what "
                "is written, for the increments to come.",
                classes="dialog-text",
            )
            yield TickList[str](*map(self._selection, self._devices), id="chain-disks")
            with Horizontal(id="chain-fleece"):
                yield Line("Fleece", classes="filter-label")
                yield PlainInput(
                    self._fleece,
                    placeholder="none: the guest waits for a slow target",
                    suggester=self._suggester,
                    id="chain-fleece-input",
                )
            with Horizontal(id="chain-freezing"):
                yield Box("Freeze the guest by its agent at", id="chain-freeze")
                yield PlainInput(
                    self._agent, placeholder="the path of its socket", id="chain-agent"
                )
            yield Line(" ", id="chain-disks-error")
            yield KeyBar(
                BarKey("space", "Space", "Choose", "select"),
                BarKey("tab", "Tab", "Next line", "focus_next"),
            )

    def _selection(self, device: Device) -> Selection[str]:
        medium = device.medium
        held = aligned(size(medium.virtual_size) if medium else "", 9)
        writable = medium is not None and not medium.read_only
        why = device.obstacle
        width = min(40, max(len(plain(one.title, 40)) for one in self._devices))
        words = f"{plain(device.title, 40):<{width}}  {held}{f'  no: {why}' if why else ''}"
        at_first = why is None and writable
        return Selection(Content(words), device.key, at_first, disabled=why is not None)

    def on_mount(self) -> None:
        """Choose at once."""
        self.query(TickList).focus()

    @property
    def _chosen(self) -> tuple[Device, ...]:
        keys = self.query_one(TickList).selected
        return tuple(device for device in self._devices if device.key in keys)

    @property
    def _typed(self) -> str:
        return self.query_one("#chain-fleece-input", Input).value.strip()

    @property
    def _freezes(self) -> bool:
        return self.query_one("#chain-freeze", Box).value

    @property
    def _socket(self) -> str:
        return self.query_one("#chain-agent", Input).value.strip()

    @on(Box.Changed)
    @on(Input.Changed)
    @on(Input.Submitted)
    @on(TickList.SelectedChanged)
    @work(group="against", exclusive=True)
    async def _changed(self) -> None:
        """Tell what is wrong where it was typed, or what is worth knowing about it."""
        await self._judged()

    async def _judged(self) -> bool:
        """Whether nothing refuses what is filled in; what is to be said about it is."""
        found: Finding | None = None
        try:
            found = await self._against(self._chosen, self._typed)
            words, bad = (found.message if found is not None else " "), refuses(found)
        except QmpError as error:
            words, bad = str(error), True
        if not self.query("#chain-freeze"):
            # It is being closed: its widgets go one by one.
            return False
        if self._freezes and not self._socket.startswith("/"):
            words, bad = "Where is the guest's agent? Type the whole path of its socket.", True
        if not self._chosen:
            words, bad = "Choose a disk at least.", True
        if self.is_attached:
            line = self.query_one("#chain-disks-error", Line)
            line.show_resized(plain(words, 400))
            line.set_class(bad, "-bad")
        return not bad

    @work(group="against", exclusive=True)
    async def action_start(self) -> None:
        """Take what is chosen."""
        if await self._judged():
            keys = tuple(device.key for device in self._chosen)
            agent = self._socket if self._freezes else ""
            self.dismiss(ChosenDisks(keys, self._freezes, self._typed, agent))
