"""The app: which VM is on show, and which screen is on top."""

import asyncio
import logging
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual import on, work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui.driver import HangUpWatch, PatientDriver, leave_at_the_latest, leave_now
from tui.history import History
from tui.keeper import Keeper
from tui.memory import Memory
from tui.paths import STYLES, state_directory
from tui.qmp.address import MonitorAddress, UnixAddress, parse_address
from tui.qmp.errors import QmpError
from tui.records.audit import AUDIT_FILE, AuditLog
from tui.screens.backup import BackupScreen
from tui.screens.confirm import Confirm
from tui.screens.connect import ConnectScreen
from tui.screens.devices import DevicesScreen
from tui.screens.events import EventsScreen
from tui.screens.help import HelpScreen
from tui.screens.history import HistoryScreen
from tui.screens.jobs import JobsScreen
from tui.screens.vm_screen import VmScreen
from tui.terminal import unicode_ok
from tui.text import plain
from tui.themes import CONTRAST, DARK
from tui.vm.snapshot import Device, Job, Link, VmSnapshot
from tui.worker import VmWorker

log = logging.getLogger(__name__)

PATIENCE = 0.6
"""Seconds a signal gives the app to leave in good order."""

_KEY_NAMES = {"enter": "Enter", "escape": "Esc", "space": "Space"}


class BlockDeckApp(App[int]):
    """BlockDeck's terminal UI.

    Args:
        address: the monitor to open; None asks for one.
        directory: where targets are suggested; None is what was used last.
        state: where things are remembered; None is the platform's place.
        read_only: whether QEMU is only asked and never told to do something.
    """

    TITLE = "BlockDeck"
    CSS_PATH = sorted(STYLES.glob("*.tcss"))
    MODES: ClassVar[dict[str, type[Screen[Any]]]] = {  # type: ignore[assignment]
        "connect": ConnectScreen,
        "devices": DevicesScreen,
        "jobs": JobsScreen,
        "events": EventsScreen,
        "history": HistoryScreen,
    }
    BINDING_GROUP_TITLE = "Everywhere"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "show('devices')", "Disks", tooltip="Every block device of the VM"),
        Binding("2", "show('jobs')", "Jobs", tooltip="Backups and other block jobs"),
        Binding("3", "show('events')", "Events", tooltip="What QEMU reports as it happens"),
        Binding(
            "4", "show('history')", "History", tooltip="Reports of the backups that have ended"
        ),
        Binding("r", "refresh", "Refresh", show=False, tooltip="Ask QEMU for everything again"),
        Binding("o", "show('connect')", "Open", show=False, tooltip="Open another monitor"),
        Binding("question_mark,f1", "help", "Keys", tooltip="All keys"),
        Binding("q", "leave", "Quit", tooltip="Quit; backups go on in QEMU"),
        Binding("ctrl+q", "leave", "Quit", show=False, priority=True),
    ]

    def __init__(
        self,
        address: MonitorAddress | None = None,
        *,
        directory: str | None = None,
        state: Path | None = None,
        read_only: bool = False,
    ) -> None:
        super().__init__(driver_class=PatientDriver)
        self.directory = directory
        self.memory = Memory()
        self._first_address = address
        self._welcomed: VmWorker | None = None
        self._state = state or state_directory()
        self._audit = AuditLog(self._state / AUDIT_FILE)
        history = History(self._state / "history.jsonl")
        self.reports = history.reports
        self._keeper = Keeper(
            history,
            self._repaint,
            self._fault,
            audit=self._audit,
            read_only=read_only,
        )
        self.register_theme(DARK)
        self.register_theme(CONTRAST)
        self.theme = DARK.name

    @property
    def worker(self) -> VmWorker | None:
        """The worker of the VM on show."""
        return self._keeper.worker

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """`$muted` is text of less weight, the same in every theme that does not say otherwise."""
        return {"muted": "#8a8a8a"}

    # --- life ------------------------------------------------------------------------------------

    async def on_mount(self) -> None:
        """Paint first, then connect."""
        self._guard_terminal()
        self.memory = await asyncio.to_thread(Memory.load, self._state / "memory.json")
        if self._first_address is None:
            await self._ask_for_monitor()
        else:
            await self.switch_mode("devices")
            await self._keeper.open(self._first_address)

    async def on_unmount(self) -> None:
        """Let go of the VM; its jobs go on."""
        await self._keeper.close()
        await self._audit.close()

    def _guard_terminal(self) -> None:
        driver = self._driver
        if self.is_headless or not isinstance(driver, PatientDriver):
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            loop.add_signal_handler(number, self._leave_by_signal, driver, number)
        HangUpWatch(driver.fileno, lambda: self._leave_by_signal(driver, signal.SIGHUP))

    def _leave_by_signal(self, driver: PatientDriver, number: signal.Signals) -> None:
        leave_at_the_latest(PATIENCE, 128 + number, driver.fileno, driver.attrs_before)
        self.exit(128 + number, return_code=128 + number)

    def _fault(self, error: BaseException) -> None:
        log.error("the worker failed", exc_info=error)
        self.notify(
            f"A fault of BlockDeck's own ({type(error).__name__}) ended the watch over this VM. "
            "Its jobs go on in QEMU. Press o to open the monitor again.",
            severity="error",
            timeout=60,
            markup=False,
        )

    # --- the VM ----------------------------------------------------------------------------------

    def _repaint(self) -> None:
        if self.worker is None or not self.is_running:
            return
        vm = self.worker.snapshot
        if vm.loaded and self._welcomed is not self.worker:
            self._welcomed = self.worker
            self._welcome(vm)
        elif not vm.loaded and vm.connection.link is Link.LOST:
            self._give_up(vm)
        for screen in self.screen_stack:
            if isinstance(screen, VmScreen):
                screen.take(vm)

    @on(ConnectScreen.Chosen)
    async def _chosen(self, event: ConnectScreen.Chosen) -> None:
        await self._keeper.open(event.address)

    @on(ConnectScreen.Left)
    async def _left(self) -> None:
        if self.worker is not None and self.worker.snapshot.loaded:
            await self.switch_mode("devices")

    @work(group="mode", exclusive=True)
    async def _welcome(self, vm: VmSnapshot) -> None:
        """The first look at a VM: show its disks, and remember where it was."""
        if isinstance(self.screen, ConnectScreen):
            await self.switch_mode("devices")
        self.memory.used(_lasting(vm.address))
        await asyncio.to_thread(self.memory.save, self._state / "memory.json")

    @work(group="mode", exclusive=True)
    async def _give_up(self, vm: VmSnapshot) -> None:
        await self._keeper.close()
        await self._ask_for_monitor()
        if isinstance(self.screen, ConnectScreen):
            self.screen.tell(vm.address, vm.connection.detail, vm.connection.advice)

    async def _ask_for_monitor(self) -> None:
        await self.switch_mode("connect")
        if isinstance(self.screen, ConnectScreen):
            self.screen.offer(self.memory.monitors)

    async def remember_directory(self, vm: VmSnapshot, directory: str) -> None:
        """Suggest this directory for the VM's next backup."""
        self.memory.directories[vm.uuid or vm.name] = directory
        await asyncio.to_thread(self.memory.save, self._state / "memory.json")

    # --- keys ------------------------------------------------------------------------------------

    def open_form(self, device: Device) -> None:
        """Open the backup form for a disk."""
        self.push_screen(BackupScreen(device.key))

    async def action_show(self, mode: str) -> None:
        """Go to a screen."""
        if mode == "connect":
            await self._ask_for_monitor()
        elif self.worker is not None or mode == "history":
            await self.switch_mode(mode)

    @work(group="refresh", exclusive=True)
    async def action_refresh(self) -> None:
        """Ask QEMU for everything again."""
        if self.worker is None:
            return
        try:
            await self.worker.refresh()
        except QmpError as error:
            self.notify(plain(str(error)), severity="error", markup=False)

    def action_help(self) -> None:
        """Show all keys."""
        if not isinstance(self.screen, HelpScreen):
            sources = (
                *(type(self), DevicesScreen, BackupScreen),
                *(JobsScreen, EventsScreen, HistoryScreen, VmScreen),
            )
            groups = [(str(s.BINDING_GROUP_TITLE), s.BINDINGS) for s in sources]
            self.push_screen(HelpScreen(groups))

    @work(group="leave", exclusive=True)
    async def action_leave(self) -> None:
        """Quit; with a job running, ask first."""
        jobs = self.worker.snapshot.live_jobs if self.worker else ()
        if jobs and not await self.push_screen_wait(_leave_question(jobs)):
            return
        self.exit(0)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action that works here, for the command palette."""
        offered = set()
        for active in screen.active_bindings.values():
            binding = active.binding
            # What has a tooltip is an act of ours; moving about is left to the keys.
            if binding.tooltip and active.enabled and binding.action not in offered:
                offered.add(binding.action)
                act = self._runner(active.node, binding.action)
                yield SystemCommand(binding.description, binding.tooltip, act)
        yield SystemCommand("Theme", "Other colours", self.action_change_theme)

    def get_key_display(self, binding: Binding) -> str:
        """Keys as they are printed on keyboards."""
        shown = super().get_key_display(binding)
        if binding.key[:1] == "f" and binding.key[1:].isdigit():
            return shown.upper()
        return _KEY_NAMES.get(binding.key, shown)

    def _runner(self, node: Any, action: str) -> Any:
        async def act() -> None:
            await self.run_action(action, node)

        return act


def _lasting(monitor: str) -> str:
    """The monitor's address as it will be good in another working directory."""
    address = parse_address(monitor)
    return str(address.path.absolute()) if isinstance(address, UnixAddress) else monitor


def _leave_question(jobs: Sequence[Job]) -> Confirm:
    named = ", ".join(plain(job.id, 60) for job in jobs[:3])
    more = f" and {len(jobs) - 3} more" if len(jobs) > 3 else ""
    to_close = any(job.target_nodes for job in jobs)
    waits = " The target of a blockdev-backup stays open until then." if to_close else ""
    return Confirm(
        title="Quit while jobs are running?",
        text=f"Running in QEMU: {named}{more}. Nothing is lost: they go on without BlockDeck, and "
        f"it finds them when it comes back.{waits}",
        yes="Leave them running",
        no="Stay",
    )


def run_app(
    address: MonitorAddress | None,
    *,
    mouse: bool = True,
    directory: str | None = None,
    read_only: bool = False,
) -> int:
    """Run the UI until it is left; returns the exit status."""
    PatientDriver.unicode = unicode_ok()
    app = BlockDeckApp(address, directory=directory, read_only=read_only)
    app.run(mouse=mouse)
    status = app.return_code or 0
    driver = app._driver
    if isinstance(driver, PatientDriver) and driver.stuck:
        # Python itself would wait for the writer that waits for the terminal.
        leave_now(status, driver.fileno, driver.attrs_before)
    return status
