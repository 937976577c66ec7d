"""What the screens about a VM have in common: its line on top, the keys below."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from tui.keymap import remappable
from tui.steady_app import is_whole
from tui.text import plain
from tui.vm.snapshot import VmSnapshot
from tui.vm.trouble import find_trouble
from tui.widgets.key_bar import KeyBar
from tui.widgets.link_reason import LinkReason
from tui.widgets.trouble_banner import TroubleBanner
from tui.widgets.vm_bar import VmBar
from tui.widgets.vm_header import VmHeader

if TYPE_CHECKING:
    from tui.app import BlockDeckApp
    from tui.worker import VmWorker


ROOMY = 110
"""Columns from which two panes stand side by side in the form."""

_WIDE = 160
"""Columns from which the detail stands beside the table."""

_TALL = 38
"""Lines from which details are as high as they need, and fields have two lines of help."""

_SHORT = 18
"""Lines below which a form has no room for anything beside its fields."""

ACROSS = [(0, "-narrow"), (ROOMY, "-roomy"), (_WIDE, "-wide")]
"""Classes of a screen by its columns."""

DOWN = [(0, "-short"), (_SHORT, "-low"), (_TALL, "-tall")]
"""Classes of a screen by its lines."""


class VmScreen(Screen[None]):
    """A screen that shows the present snapshot for as long as it is on top."""

    HORIZONTAL_BREAKPOINTS = ACROSS
    VERTICAL_BREAKPOINTS = DOWN

    BINDING_GROUP_TITLE = "While an error keeps the guest stopped"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R", "rescue", "RESCUE", tooltip="Get a guest going that an I/O error stopped"),
    ]
    BINDINGS = remappable("vm", BINDINGS)

    PAGE = False
    """Whether it is opened over another screen; then it stays with the VM it was opened for."""

    TYPED = False
    """Whether it holds what was typed, which is given up from there alone."""

    _of: "VmWorker | None" = None
    _pinned: "VmWorker | None" = None

    @property
    def deck(self) -> "BlockDeckApp":
        """The app, as what it is."""
        return cast("BlockDeckApp", self.app)

    @property
    def worker(self) -> "VmWorker | None":
        """The worker of the VM on show, or of the one that this page is about."""
        if self.PAGE and self._pinned is None:
            self._pinned = self.deck.worker
        return self._pinned or self.deck.worker

    @property
    def of_vm(self) -> str:
        """Of which VM a question is, in words; empty where but one is open."""
        name = self.deck.fleet.name_among(self.worker)
        return f" of {plain(name, 40)}" if name else ""

    @property
    def read_only(self) -> bool:
        """Whether nothing can be done to the VM but to look at it."""
        return self.worker is not None and self.worker.snapshot.read_only

    def compose(self) -> ComposeResult:
        """Header, body, footer."""
        # Textual gives it these when all is there, and would style all of it anew.
        columns, lines = self.app.size
        self.add_class(
            _breakpoint(columns, self.HORIZONTAL_BREAKPOINTS),
            _breakpoint(lines, self.VERTICAL_BREAKPOINTS),
        )
        yield VmHeader(id="vm-header")
        yield LinkReason(id="link-reason")
        yield VmBar(id="vm-bar")
        yield TroubleBanner(id="trouble")
        yield from self.compose_body()
        yield KeyBar()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Rescue is offered to a stopped guest alone."""
        if action == "rescue":
            vm = self.worker.snapshot if self.worker else None
            return vm is not None and find_trouble(vm) is not None
        return super().check_action(action, parameters)

    def act_of(self, key: str) -> str | None:
        """What a key means here, whichever the operator has given it, also if it is dimmed."""
        active = self.active_bindings.get(key)
        return active.binding.action if active is not None else None

    def action_rescue(self) -> None:
        """Tell what happened and what can be done."""
        from tui.screens.rescue import RescueScreen

        trouble = find_trouble(self.worker.snapshot) if self.worker else None
        if self.worker is not None and trouble is not None:
            self.app.push_screen(RescueScreen(self.worker, trouble, self.of_vm))

    def compose_body(self) -> Iterable[Widget]:
        """What is between header and footer."""
        raise NotImplementedError

    def show_vm(self, vm: VmSnapshot) -> None:
        """Show this snapshot in the body."""
        raise NotImplementedError

    def vm_changed(self) -> None:
        """Another VM is on show: forget what was of the one before."""

    def on_mount(self) -> None:
        """Containers compose their own children later: look again when all are there."""
        self.call_after_refresh(self.on_screen_resume)

    @property
    def whole(self) -> bool:
        """Whether every widget is there, also those in containers.

        None is while the app ends, or when this screen is closed, as by an Esc that came at once.
        """
        return self.app.is_running and self in self.app.screen_stack and is_whole(self)

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close this page, unless it is closed already, or another one covers it."""
        return super().dismiss(result) if self.is_active else AwaitComplete()

    def on_screen_resume(self) -> None:
        """Catch up with what happened while another screen was on top."""
        self.deck.first_paint.look()
        self.take()

    def _compositor_refresh(self) -> None:
        # Textual draws everything also while it is to paint nothing, and throws it away.
        if not self.deck._batch_count:
            super()._compositor_refresh()

    def take(self) -> None:
        """Show the present snapshot, unless nothing is painted yet, or the body is not there."""
        if self.deck.first_paint.held or not self.whole:
            return
        vm = self.worker.snapshot if self.worker else None
        if self._of is not self.worker:
            self._of = self.worker
            self.vm_changed()
            # More can be done while a VM is open.
            self.refresh_bindings()
        self.query_one(VmBar).show_vms([w.snapshot for w in self.deck.fleet.workers], vm)
        self.query_one(VmHeader).show_vm(vm)
        self.query_one(LinkReason).show_vm(vm)
        if self.query_one(TroubleBanner).show_vm(vm):
            self.refresh_bindings()
        if vm is not None:
            self.show_vm(vm)


def _breakpoint(length: int, breakpoints: Sequence[tuple[int, str]]) -> str:
    """The class of the last one that is reached."""
    return [name for least, name in breakpoints if length >= least][-1]
