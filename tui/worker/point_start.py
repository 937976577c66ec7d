"""The start of a point: all of it, or nothing of it."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tui.agent import AgentError
from tui.backup.plan import Plan
from tui.chain.directory import write_chain
from tui.chain.disks import NotPossible
from tui.chain.manifest import Chain, Point
from tui.chain.options import PointOptions
from tui.chain.plan import PointPlan, plan_full, plan_next
from tui.qmp.errors import CommandRefused
from tui.qmp.session import QmpSession
from tui.whole import whole
from tui.worker.blockdev import TargetNodes
from tui.worker.lost_chains import LostChains
from tui.worker.point import Freeze, RunningPoint, are_new, room, too_little, with_frozen
from tui.worker.point_end import PointEnd
from tui.worker.starting import Starter
from tui.worker.state import VmState

_NO_LASTING_BITMAP = ("persistent", "Can't store")


class PointStart:
    """Starts points.

    Args:
        state: what is known of the VM.
        nodes: makes and removes the nodes of targets.
        starter: starts jobs.
        places: is told where chains are.
        end: removes what is of a point that does not come to be.
        session: the connection, or raises `ConnectionLost`.
        local: whether the files that QEMU makes are those that are seen here.
        deadline: seconds for each command.
    """

    def __init__(
        self,
        state: VmState,
        nodes: TargetNodes,
        starter: Starter,
        places: LostChains,
        end: PointEnd,
        session: Callable[[], QmpSession],
        local: Callable[[], bool],
        deadline: float,
    ) -> None:
        self._state = state
        self._nodes = nodes
        self._starter = starter
        self._places = places
        self._end = end
        self._session = session
        self._local = local
        self._deadline = deadline

    async def start(
        self,
        directory: Path,
        chain: Chain,
        base: Point | None,
        options: PointOptions,
        freeze: Freeze | None,
    ) -> RunningPoint:
        """Start the next point of a chain: an increment on `base`, or a full one.

        Raises:
            NotPossible, QmpError, OSError: as `Chains.begin`.
        """
        self._is_here()
        options = replace(options, freeze=freeze is not None)
        try:
            return await self._try(directory, chain, base, options, freeze, lasting=True)
        except CommandRefused as refusal:
            # An image of an old version keeps no bitmap.
            if refusal.command != "transaction" or not any(
                words in refusal.desc for words in _NO_LASTING_BITMAP
            ):
                raise
        return await self._try(directory, chain, base, options, freeze, lasting=False)

    async def _try(
        self,
        directory: Path,
        chain: Chain,
        base: Point | None,
        options: PointOptions,
        freeze: Freeze | None,
        *,
        lasting: bool,
    ) -> RunningPoint:
        plan_it = plan_full if base is None else plan_next
        plan = plan_it(self._state.snapshot, chain, directory, options, lasting=lasting)
        are_new(directory, plan)
        session = self._session()
        running = RunningPoint(directory, plan.chain, plan.point)
        prepared: list[Plan] = []
        is_sent = False
        try:
            manifest = await whole(asyncio.to_thread(write_chain, directory, plan.chain))
            await self._places.keep(plan.chain.id, manifest)
            free = await asyncio.to_thread(room, directory)
            running = replace(running, warning=too_little(plan.needed, free))
            for target in plan.plans.values():
                prepared.append(target)
                await self._nodes.prepare(session, target)
            try:
                async with freeze() if freeze is not None else contextlib.nullcontext() as frozen:
                    await self._prelude(session, plan)
                    is_sent = True
                    await self._starter.start_together(session, plan.transaction, plan.started)
            except AgentError as lapse:
                if not is_sent:
                    raise
                # The backup runs all the same.
                running = replace(running, unfrozen=str(lapse))
            else:
                if frozen is not None:
                    running = await whole(asyncio.to_thread(with_frozen, running, frozen))
        except BaseException as error:
            if not is_sent or isinstance(error, CommandRefused):
                await whole(self._take_back(session, running, prepared, error))
            else:
                error.add_note("Whether its backup runs all the same is not known yet.")
            raise
        finally:
            for target in plan.plans.values():
                self._nodes.hand_over(target)
            self._state.due.want_inventory()
        return running

    async def _prelude(self, session: QmpSession, plan: PointPlan) -> None:
        """What comes right before the jobs: bitmaps, where they need a transaction, and filters."""
        for step in plan.before:
            await session.execute(step["execute"], step["arguments"], timeout=self._deadline)
        for target in plan.plans.values():
            await self._nodes.enter(session, target)

    async def _take_back(
        self,
        session: QmpSession,
        running: RunningPoint,
        prepared: Sequence[Plan],
        error: BaseException,
    ) -> None:
        """Remove what was made for a point that does not start; the error tells what is left."""
        for target in prepared:
            if not await self._nodes.give_up(session, target):
                # QEMU may still make the file, so the point stays on record.
                error.add_note("What was made for it is there until QEMU answers again.")
                return
        try:
            left = await self._end.drop(running)
        except OSError as more:
            left = f"the manifest, which cannot be written ({more.strerror})"
        if left:
            error.add_note(f"Left over: {left}.")

    def _is_here(self) -> None:
        """Whether a point of a chain can be made at all.

        Raises:
            NotPossible: it cannot.
        """
        if self._state.snapshot.read_only:
            raise NotPossible("BlockDeck is read-only.")
        if not self._local():
            raise NotPossible(
                "The QEMU of this VM is not seen on this host, "
                "and a chain is written beside its images."
            )
