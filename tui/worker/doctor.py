"""Cleans up what is left over, one thing at a time, each looked at right before and after."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from tui.qmp.errors import QmpError
from tui.qmp.session import QmpSession
from tui.vm.leftover import Kind, Leftover
from tui.vm.leftovers import find_leftovers, is_there
from tui.vm.snapshot import DRY_RUN_PREFIX, VmSnapshot
from tui.worker.blockdev import TargetNodes
from tui.worker.fleeces import Fleeces
from tui.worker.lost_chains import LostChains
from tui.worker.pace import Pace
from tui.worker.referee import Referee
from tui.worker.state import VmState

_LOOK_SECONDS = 0.2

Look = Callable[[], Awaitable[VmSnapshot]]
"""Asks QEMU for everything again."""


class NotCleaned(QmpError):
    """A leftover is still there, or is none any more; the words tell which and why."""


class Doctor:
    """Finds what nobody uses, and cleans it up when told to.

    Args:
        state: what is known of the VM.
        nodes: knows the nodes that this BlockDeck is about to use.
        fleeces: knows the files that a killed BlockDeck left.
        chains: knows the chains that are there no more.
        referee: adds nodes for a moment; none of it is under way while something is cleaned up.
        pace: the deadlines.
    """

    def __init__(
        self,
        state: VmState,
        nodes: TargetNodes,
        fleeces: Fleeces,
        chains: LostChains,
        referee: Referee,
        pace: Pace,
    ) -> None:
        self._state = state
        self._nodes = nodes
        self._fleeces = fleeces
        self._chains = chains
        self._referee = referee
        self._pace = pace
        self._seen: dict[str, float] = {}

    async def look(self, vm: VmSnapshot) -> None:
        """Look on the disk for what the leftovers of a VM are judged by."""
        await self._fleeces.look()
        await self._chains.look(vm)

    def find(self) -> tuple[Leftover, ...]:
        """What nobody uses, as far as is known now."""
        now = time.monotonic()
        found = self._find(dry_run=self._referee.turn.locked())
        self._seen = {one.key: self._seen.get(one.key, now) for one in found}
        fresh = {key for key, seen in self._seen.items() if now - seen < self._pace.orphan}
        return tuple(replace(one, fresh=one.foreign and one.key in fresh) for one in found)

    def _find(self, *, dry_run: bool) -> tuple[Leftover, ...]:
        vm = self._state.snapshot
        in_use = set(self._nodes.in_use)
        if dry_run:
            in_use.update(name for name in vm.graph.names if name.startswith(DRY_RUN_PREFIX))
        return find_leftovers(vm, in_use, self._fleeces.left, self._chains.found)

    async def clean(self, session: QmpSession, leftover: Leftover, look: Look) -> bool:
        """Look again whether it is still left over, clean it up, and see that it is gone.

        Returns:
            Whether anything had to be done; False where it was gone already.

        Raises:
            NotCleaned: it cannot be cleaned up, is in use now, or is still there.
            QmpError: QEMU refused, or gave no answer.
        """
        # A dry run of ours between look and act would be taken for a leftover, or in its way.
        async with self._referee.turn:
            now = await self._now(leftover, look)
            if now is None:
                return False
            hindrance = now.hindrance
            if now.remedy is None or hindrance is not None:
                raise NotCleaned(str(hindrance))
            slow = now.kind in (Kind.NODE, Kind.FILTER)
            deadline = self._pace.create if slow else self._pace.command
            await session.execute(now.remedy.command, now.remedy.arguments, timeout=deadline)
            await self._gone(now, look)
        return True

    async def _now(self, leftover: Leftover, look: Look) -> Leftover | None:
        """The leftover as a fresh look shows it; None if there is no such thing any more."""
        vm = await look()
        now = self._like(leftover)
        if now is not None and now.is_still(leftover):
            return now
        if now is None and not is_there(leftover, vm):
            return None
        became = "it is another one now" if now is not None else "it is in use now"
        raise NotCleaned(f"{became}, so nothing was done")

    def _like(self, leftover: Leftover) -> Leftover | None:
        found = self._find(dry_run=False)
        return next((other for other in found if other.key == leftover.key), None)

    async def _gone(self, leftover: Leftover, look: Look) -> None:
        end = time.monotonic() + self._pace.command
        while True:
            await look()
            if self._like(leftover) is None:
                return
            if time.monotonic() > end:
                raise NotCleaned("QEMU said yes, and it is still there")
            await asyncio.sleep(_LOOK_SECONDS)
