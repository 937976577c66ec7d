"""What a worker consists of beyond what it takes to see its VM.

To see a VM takes little of what can be done with it. All the rest is imported when it is first
used, where a part is made.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Unpack

from tui.qmp.address import MonitorAddress
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession
from tui.worker.connected import Connected, WorkerSettings
from tui.worker.disk import Disk

if TYPE_CHECKING:
    from tui.worker.bitmaps import BitmapActs
    from tui.worker.chains import Chains
    from tui.worker.doctor import Doctor
    from tui.worker.freezing import Freezing
    from tui.worker.lost_chains import LostChains
    from tui.worker.serving import Serving
    from tui.worker.sight import Sight
    from tui.worker.starting import Starter


class Parts(Connected):
    """A VM that is watched, and all that something can be done to it with.

    Args:
        address: the QMP monitor.
        settings: as those of `Connected`.
    """

    def __init__(self, address: MonitorAddress, **settings: Unpack[WorkerSettings]) -> None:
        super().__init__(address, **settings)
        self._history = settings.get("history")

    @cached_property
    def freezing(self) -> "Freezing":
        """Freezes the guest by its agent, for the length of a block."""
        from tui.worker.freezing import Freezing

        return Freezing(self._state, self._gate, lambda: self.process, self._ask_run_state)

    @cached_property
    def chains(self) -> "Chains":
        """Makes points of chains of its disks."""
        from tui.worker.chains import Chains

        return Chains(
            self._state,
            self._nodes,
            self._starter,
            self._lost_chains,
            self._subscribers,
            self._connected,
            self.refresh,
            self._is_local,
            self._pace.command,
            self._history,
        )

    @cached_property
    def serving(self) -> "Serving":
        """Serves its disks to this host for a comparison."""
        from tui.worker.serving import Serving

        return Serving(
            self._gate,
            lambda: self.process,
            self._is_local,
            self._connected,
            self.refresh,
            self._pace.command,
        )

    @cached_property
    def _doctor(self) -> "Doctor":
        from tui.worker.doctor import Doctor

        return Doctor(
            self._state, self._nodes, self._fleeces, self._lost_chains, self._referee, self._pace
        )

    @cached_property
    def _lost_chains(self) -> "LostChains":
        from tui.worker.lost_chains import LostChains

        places = self._history.chains if self._history is not None else None
        return LostChains(Disk(places, self._identity, self._pace.writing))

    @cached_property
    def _starter(self) -> "Starter":
        from tui.worker.starting import Starter

        return Starter(self._state, self._nodes, self._requests, self._pace.command)

    @cached_property
    def _sight(self) -> "Sight":
        from tui.worker.sight import Sight

        return Sight(self._pace.target)

    @cached_property
    def _bitmaps(self) -> "BitmapActs":
        from tui.worker.bitmaps import BitmapActs

        return BitmapActs(self._referee, self._pace.command)

    def _is_local(self) -> bool:
        """Whether QEMU sees the files that are seen here."""
        return self.process is not None and self.process.same_mount_namespace is not False

    async def _ask_run_state(self) -> str:
        return await Queries(self._connected(), self._pace.command).run_state()

    async def _part(self, session: QmpSession) -> None:
        if "serving" in vars(self):
            await self.serving.settle()
        await super()._part(session)
