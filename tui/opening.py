"""How VMs come to be open, and how they are left."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual.worker import Worker

from tui.ahead import import_ahead
from tui.qmp.address import MonitorAddress, SshAddress, caution
from tui.text import plain
from tui.vm.snapshot import Link, VmSnapshot
from tui.worker import VmWorker

if TYPE_CHECKING:
    from tui.app import BlockDeckApp
    from tui.screens.connect import ConnectScreen


class Opening:
    """Opens VMs, shows one when it first answers, and gives up one that never does.

    Args:
        app: has the VMs, and shows the screens.
    """

    def __init__(self, app: "BlockDeckApp") -> None:
        self._app = app
        self._welcomed: set[VmWorker] = set()
        # Whether a VM was chosen on the connect screen since the operator came there.
        self._chosen = False

    @property
    def _connecting(self) -> "ConnectScreen | None":
        """The screen that asks for a monitor, where it is on top."""
        if self._app.current_mode != "connect":
            return None
        from tui.screens.connect import ConnectScreen

        return self._app.screen if isinstance(self._app.screen, ConnectScreen) else None

    async def ask(self, host: SshAddress | None = None) -> None:
        """Ask for a monitor: of this host, or of another one."""
        self._chosen = self._chosen and self._app.current_mode == "connect"
        await self._app.switch_mode("connect")
        connecting = self._connecting
        if connecting is not None:
            known = [*self._app.settings.vms, *self._app.memory.monitors]
            connecting.offer(known, host)

    async def choose(self, addresses: Sequence[MonitorAddress]) -> None:
        """Monitors were chosen."""
        self._chosen = True
        await self.open(addresses)

    async def choose_none(self) -> None:
        """None was chosen: back to the VMs that are open."""
        fleet = self._app.fleet
        loaded = [worker for worker in fleet.workers if worker.snapshot.loaded]
        if fleet.worker not in loaded and loaded:
            fleet.show(loaded[0])
        if loaded:
            await self._app.switch_mode("devices")

    async def open(self, addresses: Sequence[MonitorAddress]) -> None:
        """Open monitors beside those that are open; the first of them goes on show.

        What that does to the VMs is said first, and stays where the next screen would cover it.
        """
        fleet = self._app.fleet
        there = {worker.snapshot.address for worker in fleet.workers}
        said = caution(*(address for address in addresses if str(address) not in there))
        if said:
            self._app.notify(plain(said, 600), severity="warning", timeout=15, markup=False)
        for place, address in enumerate(addresses):
            await fleet.open(address, show=place == 0)
        loaded = fleet.worker is not None and fleet.worker.snapshot.loaded
        if loaded and self._connecting is not None:
            await self._app.switch_mode("devices")

    def look(self, worker: VmWorker) -> None:
        """See whether a VM has answered for the first time, or cannot be connected to."""
        vm = worker.snapshot
        if vm.loaded and worker not in self._welcomed:
            self._welcomed.add(worker)
            _: Worker[None] = self._app.run_worker(partial(self._welcome, vm), group="welcome")
        elif not vm.loaded and vm.connection.link is Link.LOST:
            _ = self._app.run_worker(partial(self._give_up, worker), group="give-up")

    async def _welcome(self, vm: VmSnapshot) -> None:
        """The first look at a VM: show its disks, and remember where it was."""
        worker = self._app.worker
        on_show = worker is not None and worker.snapshot.address == vm.address
        if self._connecting is not None and on_show and self._chosen:
            await self._app.switch_mode("devices")
        await self._app.remembered.monitor(vm.address)
        # The next VM that is opened may cancel it before it has become a coroutine.
        _: Worker[None] = self._app.run_worker(import_ahead, group="ahead", exclusive=True)

    async def _give_up(self, worker: VmWorker) -> None:
        """Leave a VM that could not be connected to, and say why."""
        vm, on_show = worker.snapshot, worker is self._app.worker
        if worker not in self._app.fleet.workers:
            return
        await self._close(worker)
        connecting = self._connecting
        if connecting is not None and on_show:
            connecting.tell(vm.address, vm.connection.detail, vm.connection.advice)
        else:
            words = f"{plain(vm.title, 200)}: {plain(vm.connection.detail, 400)}"
            self._app.notify(words, severity="error", timeout=30, markup=False)

    async def close(self, worker: VmWorker) -> None:
        """Let go of a VM; with a job running, ask first."""
        from tui.leaving import leave_question

        title = f"Close {plain(worker.snapshot.title, 60)}"
        question = leave_question([worker.snapshot], title=title)
        if question is None or await self._app.push_screen_wait(question):
            await self._close(worker)

    async def _close(self, worker: VmWorker) -> None:
        await self._app.fleet.close(worker)
        if not self._app.fleet.workers:
            await self.ask()
