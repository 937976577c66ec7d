"""Keeps the worker of a VM and the task that runs it."""

import asyncio
from collections.abc import Callable

from tui.coalesce import Coalescer
from tui.config import Settings
from tui.history import History
from tui.qmp.address import MonitorAddress
from tui.records.audit import AuditLog
from tui.worker import VmWorker
from tui.worker.entrance import Entrance

TICK = 0.5
"""Seconds between two repaints of live data, at the least, while they never end."""


class Keeper:
    """Opens and closes one monitor at a time.

    Args:
        history: where outcomes are recorded.
        on_change: called soon, but every `TICK` seconds at the most for long, while the VM changes.
        on_fault: called when the worker ended by a fault of the program.
        audit: where commands are written down.
        read_only: whether QEMU is only asked.
        settings: which VMs are only asked all the same, and how often.
        entrance: takes turns with the VMs that are opened beside this one.

    Attributes:
        worker: that of the VM.
        address: its monitor.
        own_name: what the settings call the VM, if anything.
    """

    def __init__(
        self,
        history: History,
        on_change: Callable[[], None],
        on_fault: Callable[[BaseException], None],
        *,
        audit: AuditLog | None = None,
        read_only: bool = False,
        settings: Settings | None = None,
        entrance: Entrance | None = None,
    ) -> None:
        self.worker: VmWorker | None = None
        self.address: MonitorAddress | None = None
        self.own_name = ""
        self._history = history
        self._coalescer = Coalescer(TICK, on_change)
        self._on_fault = on_fault
        self._audit = audit
        self._read_only = read_only
        self._settings = settings or Settings()
        self._entrance = entrance
        self._task: asyncio.Task[None] | None = None

    async def open(self, address: MonitorAddress) -> None:
        """Leave the present VM and watch the one behind `address`."""
        await self.close()
        self.address = address
        self.own_name = self._settings.name_of(str(address))
        self.worker = VmWorker(
            address,
            history=self._history,
            audit=self._audit,
            pace=self._settings.pace(),
            read_only=self._read_only or self._settings.only_asks(str(address)),
            protected=self._settings.protected,
            entrance=self._entrance,
        )
        self.worker.subscribe(self._hearer(self.worker))
        self._task = asyncio.create_task(self.worker.run(), name=f"watch {address}")
        self._task.add_done_callback(self._ended)
        self._coalescer.changed()

    async def close(self) -> None:
        """Let go of the VM; its jobs go on. Takes two seconds at the most."""
        task, self._task, self.worker = self._task, None, None
        self._coalescer.stop()
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=2.0)

    def _hearer(self, worker: VmWorker) -> Callable[[], None]:
        """Passes changes on, and tells what is news from what is only a little further on."""
        known = worker.news

        def changed() -> None:
            nonlocal known
            before, known = known, worker.news
            self._coalescer.changed(news=known != before)

        return changed

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_fault(error)
