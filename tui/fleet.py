"""The VMs that are open side by side, one of them on show."""

import asyncio
from collections.abc import Callable

from tui.coalesce import Coalescer
from tui.config import Settings
from tui.history import History
from tui.keeper import TICK, Keeper
from tui.qmp.address import MonitorAddress
from tui.records.audit import AuditLog
from tui.vm.labels import labels
from tui.worker import VmWorker
from tui.worker.entrance import Entrance


class Fleet:
    """Opens and closes monitors, each with a worker and a task of its own.

    One that hangs holds up nothing but itself: its worker waits, with a deadline, and nobody waits
    for it. What the VM on show tells is passed on at once, what the others tell every `TICK`
    seconds at the most.

    Args:
        history: where outcomes are recorded.
        on_change: called soon while a VM changes.
        on_fault: called with the monitor when its worker ended by a fault of the program.
        audit: where commands are written down.
        read_only: whether every QEMU is only asked.
        settings: which VMs are only asked all the same, and how often.
    """

    def __init__(
        self,
        history: History,
        on_change: Callable[[], None],
        on_fault: Callable[[str, BaseException], None],
        *,
        audit: AuditLog | None = None,
        read_only: bool = False,
        settings: Settings | None = None,
    ) -> None:
        self.together = True
        self._history = history
        self._on_change = on_change
        self._on_fault = on_fault
        self._audit = audit
        self._read_only = read_only
        self._settings = settings
        self._entrance = Entrance()
        self._others = Coalescer(TICK, on_change)
        self._keepers: list[Keeper] = []
        self._shown: Keeper | None = None

    @property
    def worker(self) -> VmWorker | None:
        """The worker of the VM on show."""
        return self._shown.worker if self._shown is not None else None

    @property
    def workers(self) -> tuple[VmWorker, ...]:
        """All of them, in the order in which they were opened."""
        return tuple(k.worker for k in self._keepers if k.worker is not None)

    @property
    def in_view(self) -> tuple[VmWorker, ...]:
        """Those whose jobs and events are shown: all of them, or the one on show."""
        if self.together:
            return self.workers
        return (self.worker,) if self.worker is not None else ()

    async def open(self, address: MonitorAddress, *, show: bool = True) -> None:
        """Watch the VM behind a monitor, if it is not watched already, and put it on show."""
        keeper = next((k for k in self._keepers if k.address == address), None)
        if keeper is None:
            keeper = self._new(address)
            self._keepers.append(keeper)
            await keeper.open(address)
            self._call_by_name(keeper)
        if show or self._shown is None:
            self._shown = keeper
            self._on_change()

    def _new(self, address: MonitorAddress) -> Keeper:
        keeper = Keeper(
            self._history,
            lambda: self._changed(keeper),
            lambda error: self._on_fault(str(address), error),
            audit=self._audit,
            read_only=self._read_only,
            settings=self._settings,
            entrance=self._entrance,
        )
        return keeper

    def _call_by_name(self, keeper: Keeper) -> None:
        """Name the VMs anew whenever QEMU tells another name of this one."""
        worker, known = keeper.worker, ""
        if worker is None:
            return

        def changed() -> None:
            nonlocal known
            if worker.name != known:
                known = worker.name
                self._label()

        worker.subscribe(changed)
        self._label()

    def _label(self) -> None:
        """Call each so that no two are called alike."""
        open_now = [(k.own_name, k.worker) for k in self._keepers if k.worker is not None]
        named = labels([(own or worker.name, worker.address) for own, worker in open_now])
        for (_, worker), label in zip(open_now, named, strict=True):
            worker.call(label)

    def name_among(self, worker: VmWorker | None) -> str:
        """What tells a VM from the others that are open; nothing where it is the only one."""
        return worker.snapshot.title if worker is not None and len(self.workers) > 1 else ""

    def _changed(self, keeper: Keeper) -> None:
        if keeper is self._shown:
            self._on_change()
        else:
            self._others.changed()

    def show(self, worker: VmWorker) -> None:
        """Put a VM on show."""
        keeper = next((k for k in self._keepers if k.worker is worker), None)
        if keeper is not None and keeper is not self._shown:
            self._shown = keeper
            self._on_change()

    def step(self, by: int) -> None:
        """Put another VM on show, so many further on, round and round."""
        if self._shown is not None:
            place = self._keepers.index(self._shown) + by
            self._shown = self._keepers[place % len(self._keepers)]
            self._on_change()

    async def close(self, worker: VmWorker) -> None:
        """Let go of a VM; its jobs go on. The one before it is on show next."""
        keeper = next((k for k in self._keepers if k.worker is worker), None)
        if keeper is None:
            return
        place = self._keepers.index(keeper)
        self._keepers.remove(keeper)
        if self._shown is keeper:
            self._shown = self._keepers[max(0, place - 1)] if self._keepers else None
        await keeper.close()
        self._label()
        if self._shown is not None:
            self._on_change()

    async def close_all(self) -> None:
        """Let go of every VM. Takes two seconds at the most."""
        keepers, self._keepers, self._shown = self._keepers, [], None
        self._others.stop()
        await asyncio.gather(*(keeper.close() for keeper in keepers))
