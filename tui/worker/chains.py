"""Points of chains: started, followed to their end, and sorted out after a BlockDeck that died.

The order of steps is what keeps a chain whole, wherever it is cut off. A point is in the manifest
before its backup starts, and complete there after it has succeeded. Only then the bitmap of the
point before it is removed. What is not complete is not built on: its files, which nobody else
made, and its bitmap are removed.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

from tui.chain.directory import Kept, manifest_name, read_chain
from tui.chain.disks import NotPossible, new_chain
from tui.chain.lock import alone_with
from tui.chain.options import PointOptions
from tui.history import History
from tui.qmp.session import QmpSession
from tui.vm.job import Outcome
from tui.vm.snapshot import Device, VmSnapshot
from tui.worker.blockdev import TargetNodes
from tui.worker.lost_chains import LostChains
from tui.worker.point import Freeze, RunningPoint
from tui.worker.point_end import PointEnd
from tui.worker.point_start import PointStart
from tui.worker.starting import Starter
from tui.worker.state import VmState
from tui.worker.subscribers import Subscribers


class Chains:
    """Makes points of chains of one VM's disks.

    Args:
        state: what is known of the VM.
        nodes: makes and removes the nodes of targets.
        starter: starts jobs.
        places: is told where chains are.
        subscribers: told of each change of the VM.
        session: the connection, or raises `ConnectionLost`.
        refresh: asks QEMU for everything again.
        local: whether the files that QEMU makes are those that are seen here.
        deadline: seconds for each command.
        history: where earlier outcomes are on record.
    """

    def __init__(
        self,
        state: VmState,
        nodes: TargetNodes,
        starter: Starter,
        places: LostChains,
        subscribers: Subscribers,
        session: Callable[[], QmpSession],
        refresh: Callable[[], Awaitable[VmSnapshot]],
        local: Callable[[], bool],
        deadline: float,
        history: History | None,
    ) -> None:
        self._refresh = refresh
        self._nodes = nodes
        self._session = session
        self._end = PointEnd(state, subscribers, session, refresh, deadline, history)
        self._begin = PointStart(state, nodes, starter, places, self._end, session, local, deadline)

    @contextlib.asynccontextmanager
    async def begin(
        self,
        devices: Sequence[Device],
        directory: Path,
        options: PointOptions = PointOptions(),
        freeze: Freeze | None = None,
    ) -> AsyncIterator[RunningPoint]:
        """Begin a chain of these disks with a full point; `finish` waits for its end.

        Raises:
            NotPossible: it cannot be, in a sentence.
            QmpError: QEMU refused, or did not answer; nothing is left where it refused.
            OSError: the directory or the manifest cannot be written.
        """
        chain = new_chain(await self._refresh(), devices)
        with alone_with(directory / manifest_name(chain)):
            yield await self._begin.start(directory, chain, None, options, freeze)

    @contextlib.asynccontextmanager
    async def go_on(
        self,
        kept: Kept,
        options: PointOptions = PointOptions(),
        freeze: Freeze | None = None,
        *,
        full: bool = False,
    ) -> AsyncIterator[RunningPoint]:
        """Start the next point of a chain, an increment or a new full one; `finish` waits for it.

        Raises:
            NeedsFull: the last point cannot be built on, and why.
            NoManifest: the manifest cannot be read any more.
            NotRecorded: a point was copied whole before, and the manifest cannot be written.
            NotPossible, ChainBusy, QmpError, OSError: as `begin`.
        """
        with alone_with(kept.path):
            chain = (await self._sort_out(await _as_it_is(kept))).chain
            if any(not point.complete for point in chain.points):
                raise NotPossible("A point of the chain is being made.")
            await self._end.tidy(chain)
            base = None if full else chain.last
            if not full and base is None:
                full = True
            yield await self._begin.start(kept.directory, chain, base, options, freeze)

    @contextlib.asynccontextmanager
    async def take_up(self, kept: Kept) -> AsyncIterator[RunningPoint | Kept]:
        """The point whose backup still runs, for `finish`; or the chain, sorted out, without one.

        Raises:
            NoManifest: the manifest cannot be read any more.
            NotPossible: it does not have the name by which it would be written anew.
            ChainBusy: somebody else works on the chain.
            NotRecorded: as `go_on`.
            QmpError: QEMU could not be asked.
            OSError: the manifest cannot be written.
        """
        with alone_with(kept.path):
            found = await self._sort_out(await _as_it_is(kept))
            runs = next((point for point in found.chain.points if not point.complete), None)
            yield RunningPoint(kept.directory, found.chain, runs) if runs else found

    async def finish(self, running: RunningPoint) -> Kept:
        """Wait for the end of a point's backup; the chain with the point complete.

        Who stops waiting leaves the backup alone; `take_up` finds out later what became of it.

        Raises:
            PointFailed: it failed, was cancelled or lost; the chain is as it was before.
            NotRecorded: it succeeded, and the manifest cannot be written.
            OSError: it failed, and the manifest cannot be written.
        """
        return await self._end.finish(running)

    async def _sort_out(self, kept: Kept) -> Kept:
        """Find out what became of points whose end nobody saw; one that runs is left alone."""
        await self._refresh()
        for point in kept.chain.points:
            if point.complete:
                continue
            running = RunningPoint(kept.directory, kept.chain, point)
            ends = [await self._end.end_of(job_id) for job_id in running.job_ids]
            if any(end is None for end in ends):
                continue
            if ends and all(end is Outcome.SUCCEEDED for end in ends):
                kept = await self._end.complete(running)
            else:
                await self._nodes.clear(self._session(), running.job_ids)
                await self._end.drop(running)
                without = kept.chain.without_point(point.serial)
                kept = Kept(kept.path, without)
        return kept


async def _as_it_is(kept: Kept) -> Kept:
    """The chain as its manifest is now that nobody else changes it."""
    now = await asyncio.to_thread(read_chain, kept.path)
    if now.path.name != manifest_name(now.chain):
        raise NotPossible(f"{now.path} is not called {manifest_name(now.chain)}.")
    return now
