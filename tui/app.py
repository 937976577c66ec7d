"""The app: which VM is on show, and which screen is on top."""

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.command import CommandPalette
from textual.screen import Screen
from textual.theme import Theme
from textual.widget import AwaitMount, Widget

from tui.app_keys import APP_KEYS
from tui.config import Settings
from tui.dressed_app import DressedApp
from tui.driver import PatientDriver
from tui.first_paint import FirstPaint
from tui.fleet import Fleet
from tui.form_opening import open_form
from tui.garbage import collect_again
from tui.guard import guard
from tui.history import History
from tui.keymap import shielded
from tui.memory import Memory
from tui.notices import Notices
from tui.opening import Opening
from tui.paths import sheets, state_directory
from tui.qmp.address import MonitorAddress, SshAddress
from tui.qmp.errors import QmpError
from tui.records.audit import AUDIT_FILE, AuditLog
from tui.remembered import Remembered
from tui.screens.later import later
from tui.screens.vm_screen import VmScreen
from tui.text import plain
from tui.unfinished import points_let_go
from tui.vm.snapshot import Device
from tui.worker import VmWorker

if TYPE_CHECKING:
    from tui.demo.fault_lab import FaultLab
    from tui.discovery.scout import Scout
    from tui.screens.connect import ConnectScreen

_OF_A_VM = frozenset({"bitmaps", "close_vm", "leftovers", "refresh", "switch", "together"})
_WITHOUT_A_VM = (("connect",), ("history",))


class BlockDeckApp(DressedApp):
    """BlockDeck's terminal UI.

    Args:
        addresses: the monitors to open; without any, it asks for one.
        directory: where targets are suggested; None is what was used last.
        state: where things are remembered; None is the platform's place.
        read_only: whether QEMU is only asked and never told to do something.
        settings: what the operator has set.
        scout: finds the VMs of this host; None looks everywhere.
        lab: breaks things about the demo's VM; None where there is no demo.

    Attributes:
        first_paint: waits for the VM for a moment.
        remembered: what is kept from one session to the next.
        only_looks: whether nothing is changed by this session, neither a VM nor a file of backups.
    """

    TITLE = "BlockDeck"
    # What all screens have. Each brings the rest of its own, so that only what is shown is parsed.
    CSS_PATH = sheets("base", "fleet", "panes", "trouble")
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "connect": later("connect", "ConnectScreen"),
        "devices": later("devices", "DevicesScreen"),
        "jobs": later("jobs", "JobsScreen"),
        "events": later("events", "EventsScreen"),
        "history": later("history", "HistoryScreen"),
        "chains": later("chains", "ChainsScreen"),
        "vms": later("fleet", "FleetScreen"),
    }
    BINDING_GROUP_TITLE = "Everywhere"
    BINDINGS: ClassVar[list[BindingType]] = APP_KEYS

    def __init__(
        self,
        *addresses: MonitorAddress,
        directory: str | None = None,
        state: Path | None = None,
        read_only: bool = False,
        settings: Settings | None = None,
        scout: "Scout | None" = None,
        lab: "FaultLab | None" = None,
    ) -> None:
        # Textual asks for the screen to begin with at once.
        self._host = _host_alone(addresses)
        self.DEFAULT_MODE = "devices" if addresses and not self._host else "connect"  # type: ignore[misc]
        super().__init__(settings or Settings())
        self.directory = directory
        self.only_looks = read_only or self.settings.read_only
        if scout is not None:
            self.scout = scout
        self.lab = lab
        self._first = addresses
        # Whether there is a screen to show anything on.
        self._there = False
        self.first_paint = FirstPaint(self)
        self._opening = Opening(self)
        self._notices = Notices(self)
        state = state or state_directory()
        self.remembered = Remembered(state)
        self._audit = AuditLog(state / AUDIT_FILE)
        history = History(state / "history.jsonl")
        self.reports = history.reports
        self.fleet = Fleet(
            history,
            self._repaint,
            self._notices.of_fault,
            audit=self._audit,
            read_only=read_only,
            settings=self.settings,
        )

    @property
    def memory(self) -> Memory:
        """What is remembered of earlier sessions."""
        return self.remembered.memory

    @property
    def worker(self) -> VmWorker | None:
        """The worker of the VM on show."""
        return self.fleet.worker

    @functools.cached_property
    def scout(self) -> "Scout":
        """Finds the VMs of this host."""
        from tui.discovery.scout import Scout

        return Scout()

    # --- life ------------------------------------------------------------------------------------

    async def on_load(self) -> None:
        """Connect: the VM answers while the screen is made."""
        await self.remembered.load()
        if self._first and not self._host:
            self.first_paint.hold()
            await self._opening.open(self._first)

    async def on_mount(self) -> None:
        """Show what there is; the first paint waits a moment for what the VM says."""
        if isinstance(self._driver, PatientDriver) and not self.is_headless:
            guard(self, self._driver)
        self.set_keymap(shielded(self.settings.keymap, self.BINDINGS))
        if self.memory.theme and "theme" not in self.settings.model_fields_set:
            self.wear(self.memory.theme)
        self.theme_changed_signal.subscribe(self, self._remember_theme)
        if self.current_mode == "connect":
            await self._opening.ask(self._host)
        else:
            self.first_paint.wait()
        self._there = True
        # What VMs have told before is shown now.
        self._repaint()

    def on_ready(self) -> None:
        """Collect garbage from now on."""
        collect_again()

    async def on_unmount(self) -> None:
        """Let go of the VM; its jobs go on."""
        await points_let_go(self.workers)
        await self.fleet.close_all()
        await self._audit.close()

    # --- the VM ----------------------------------------------------------------------------------

    def _repaint(self) -> None:
        if not (self.is_running and self._there):
            return
        for worker in self.fleet.workers:
            self._opening.look(worker)
            self._notices.of_trouble(worker, on_show=worker is self.worker)
        if self.worker is not None:
            self._notices.of_audit(self.worker.snapshot)
        self.first_paint.look()
        for screen in self.screen_stack:
            if isinstance(screen, VmScreen):
                screen.take()

    async def on_connect_screen_chosen(self, event: "ConnectScreen.Chosen") -> None:
        """Monitors were chosen."""
        await self._opening.choose(event.addresses)

    async def on_connect_screen_left(self) -> None:
        """None was chosen."""
        await self._opening.choose_none()

    async def close_vm(self, worker: VmWorker) -> None:
        """Let go of a VM; with a job running, ask first."""
        await self._opening.close(worker)

    @work(group="memory")
    async def _remember_theme(self, theme: Theme) -> None:
        await self.remembered.theme(theme.name)

    # --- keys ------------------------------------------------------------------------------------

    def open_form(self, device: Device) -> None:
        """Open the backup form for a disk, as soon as QEMU has told which arguments there are."""
        open_form(self, device)

    def switch_mode(self, mode: str) -> AwaitMount:
        """Go to a screen, unless the app is ending and its screens are being closed."""
        return super().switch_mode(mode) if self.is_running else AwaitMount(Widget(), [])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is about a VM can be done while one is open."""
        of_a_vm = action in _OF_A_VM or (action == "show" and parameters not in _WITHOUT_A_VM)
        if of_a_vm and self.worker is None:
            return False
        return super().check_action(action, parameters)

    async def action_show(self, mode: str) -> None:
        """Go to a screen, and not to a page that was opened over it; a form stays open."""
        if mode == "connect":
            await self._opening.ask()
        elif self.worker is not None or mode == "history":
            await self.switch_mode(mode)
            for page in reversed(self.screen_stack[1:]):
                if not isinstance(page, VmScreen) or page.TYPED:
                    break
                self.pop_screen()

    def action_switch(self, by: int) -> None:
        """Put the VM before or after this one on show."""
        if len(self.fleet.workers) < 2:
            self.notify("One VM is open. Press o to open another beside it.", severity="warning")
        elif self.may_switch():
            self.fleet.step(by)

    def may_switch(self) -> bool:
        """Whether another VM can be put on show; says why it cannot."""
        stack = [screen for screen in self.screen_stack if not isinstance(screen, CommandPalette)]
        if len(stack) > 1:
            # What is open here is about the VM on show, and may hold what was typed.
            self.notify("Close this page first: it is about this VM.", severity="warning")
        return len(stack) == 1

    def action_together(self) -> None:
        """Show jobs and events of all open VMs, or of the one on show alone."""
        self.fleet.together = not self.fleet.together
        words = "all open VMs" if self.fleet.together else "the VM on show alone"
        self.notify(f"Jobs and events are shown of {words}.")
        self._repaint()

    @work(group="close", exclusive=True)
    async def action_close_vm(self) -> None:
        """Let go of the VM on show."""
        if self.worker is not None:
            await self.close_vm(self.worker)

    @work(group="refresh", exclusive=True)
    async def action_refresh(self) -> None:
        """Ask QEMU for everything again."""
        if self.worker is None:
            return
        try:
            await self.worker.refresh()
        except QmpError as error:
            self.notify(plain(str(error)), severity="error", markup=False)

    def action_redraw(self) -> None:
        """Paint all of the screen, whatever it is thought to show."""
        if isinstance(self._driver, PatientDriver):
            self._driver.forget_screen()
        self.refresh(layout=True)

    def action_leftovers(self) -> None:
        """Show what nobody uses any more, and how to clean it up."""
        from tui.screens.doctor import DoctorScreen

        if self.worker is not None and not isinstance(self.screen, DoctorScreen):
            self.push_screen(DoctorScreen())

    def action_bitmaps(self) -> None:
        """Show the dirty bitmaps."""
        from tui.screens.bitmaps import BitmapsScreen

        if self.worker is not None and not isinstance(self.screen, BitmapsScreen):
            self.push_screen(BitmapsScreen())

    def action_help(self) -> None:
        """Show all keys."""
        from tui.screens.all_keys import key_groups
        from tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            groups = key_groups(type(self), self.settings.keymap, type(self.screen))
            self.push_screen(HelpScreen(groups))

    @work(group="leave", exclusive=True)
    async def action_leave(self) -> None:
        """Quit; with a job running, ask first."""
        from tui.leaving import leave_question

        question = leave_question([worker.snapshot for worker in self.fleet.workers])
        if question is None or await self.push_screen_wait(question):
            self.exit(0)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action that works here, for the command palette."""
        from tui.app_commands import app_commands

        return app_commands(self, screen)


def _host_alone(addresses: Sequence[MonitorAddress]) -> SshAddress | None:
    """The host whose VMs are to be listed, where no monitor is named but a host is."""
    host = addresses[0] if len(addresses) == 1 else None
    return host if isinstance(host, SshAddress) and not host.inside else None
