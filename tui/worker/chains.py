"""Points of chains: started, followed to their end, and sorted out after a BlockDeck that died.

The order of steps is what keeps a chain whole, wherever it is cut off. A point is in the manifest
before its backup starts, and complete there after it has succeeded. Only then the bitmap of the
point before it is removed. What is not complete is not built on: its files, which nobody else
made, and its bitmap are removed.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tui.agent import AgentError
from tui.agent import Freeze as Frozen
from tui.chain.directory import Kept, manifest_name, read_chain, write_chain
from tui.chain.lock import alone_with
from tui.chain.manifest import Chain, Point, PointState, bitmap_name, chain_of_bitmap
from tui.chain.plan import NotPossible, PointOptions, PointPlan, new_chain, plan_full, plan_next
from tui.history import History
from tui.qmp.errors import CommandRefused, QmpError
from tui.qmp.session import QmpSession
from tui.units import size
from tui.vm.snapshot import Device, Job, Outcome, VmSnapshot
from tui.worker.blockdev import NotDeleted, TargetNodes
from tui.worker.starting import Starter
from tui.worker.state import VmState
from tui.worker.subscribers import Subscribers

log = logging.getLogger(__name__)

Freeze = Callable[[], AbstractAsyncContextManager[Frozen]]
"""What is around the transaction: the file systems of the guest at rest."""

_DISMISSAL_SECONDS = 5.0
"""How long an outcome may take to be on record, after which QEMU forgets the job."""

_OVER = frozenset({"concluded", "null"})
_NO_LASTING_BITMAP = ("persistent", "Can't store")


class PointFailed(Exception):
    """A point did not come to be; the text says why, and what of it is left, if anything."""


@dataclass(frozen=True, slots=True)
class RunningPoint:
    """A point whose backup runs; `warning` says what may come in its way, if anything."""

    directory: Path
    chain: Chain
    point: Point
    warning: str = ""

    @property
    def job_ids(self) -> tuple[str, ...]:
        """The jobs of its disks."""
        return tuple(self.point.job_ids.values())


class Chains:
    """Makes points of chains of one VM's disks.

    Args:
        state: what is known of the VM.
        nodes: makes and removes the nodes of targets.
        starter: starts jobs.
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
        subscribers: Subscribers,
        session: Callable[[], QmpSession],
        refresh: Callable[[], Awaitable[VmSnapshot]],
        local: Callable[[], bool],
        deadline: float,
        history: History | None,
    ) -> None:
        self._state = state
        self._nodes = nodes
        self._starter = starter
        self._subscribers = subscribers
        self._session = session
        self._refresh = refresh
        self._local = local
        self._deadline = deadline
        self._history = history

    # --- making a point --------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def begin(
        self,
        devices: Sequence[Device],
        directory: Path,
        options: PointOptions = PointOptions(),  # noqa: B008 -- it is frozen
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
            yield await self._start(directory, chain, None, options, freeze)

    @contextlib.asynccontextmanager
    async def go_on(
        self,
        kept: Kept,
        options: PointOptions = PointOptions(),  # noqa: B008 -- it is frozen
        freeze: Freeze | None = None,
        *,
        full: bool = False,
    ) -> AsyncIterator[RunningPoint]:
        """Start the next point of a chain, an increment or a new full one; `finish` waits for it.

        Raises:
            NeedsFull: the last point cannot be built on, and why.
            NoManifest: the manifest cannot be read any more.
            NotPossible, ChainBusy, QmpError, OSError: as `begin`.
        """
        with alone_with(kept.path):
            chain = (await self._sort_out(await _as_it_is(kept))).chain
            if any(not point.complete for point in chain.points):
                raise NotPossible("A point of the chain is being made.")
            await self._tidy(chain)
            base = None if full else chain.last
            if not full and base is None:
                full = True
            yield await self._start(kept.directory, chain, base, options, freeze)

    @contextlib.asynccontextmanager
    async def take_up(self, kept: Kept) -> AsyncIterator[RunningPoint | Kept]:
        """The point whose backup still runs, for `finish`; or the chain, sorted out, without one.

        Raises:
            NoManifest, NotPossible, ChainBusy, QmpError, OSError: as `sort_out`.
        """
        with alone_with(kept.path):
            found = await self._sort_out(await _as_it_is(kept))
            runs = next((point for point in found.chain.points if not point.complete), None)
            yield RunningPoint(kept.directory, found.chain, runs) if runs else found

    async def _start(
        self,
        directory: Path,
        chain: Chain,
        base: Point | None,
        options: PointOptions,
        freeze: Freeze | None,
    ) -> RunningPoint:
        self._is_here()
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
        _are_new(directory, plan)
        session = self._session()
        await asyncio.to_thread(write_chain, directory, plan.chain)
        room = await asyncio.to_thread(_room, directory)
        running = RunningPoint(directory, plan.chain, plan.point, _too_little(plan.needed, room))
        prepared: list[str] = []
        is_sent = False
        try:
            for name, target in plan.plans.items():
                prepared.append(name)
                await self._nodes.prepare(session, target)
            async with freeze() if freeze is not None else contextlib.nullcontext() as frozen:
                for step in plan.before:
                    arguments = step["arguments"]
                    await session.execute(step["execute"], arguments, timeout=self._deadline)
                for target in plan.plans.values():
                    await self._nodes.enter(session, target)
                started = {plan.devices[name]: target for name, target in plan.plans.items()}
                is_sent = True
                await self._starter.start_together(session, plan.transaction, started)
            if frozen is not None:
                running = await asyncio.to_thread(_with_frozen, running, frozen.seconds)
        except QmpError as error:
            not_frozen = isinstance(error, AgentError) and not is_sent
            if isinstance(error, CommandRefused | NotDeleted) or not_frozen:
                for name in prepared:
                    await self._nodes.give_up(session, plan.plans[name])
                await self._drop(running)
            raise
        finally:
            for target in plan.plans.values():
                self._nodes.hand_over(target)
            self._state.want_inventory()
        return running

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

    # --- its end ---------------------------------------------------------------------------------

    async def finish(self, running: RunningPoint) -> Kept:
        """Wait for the end of a point's backup; the chain with the point complete.

        Who stops waiting leaves the backup alone; `sort_out` finds out later what became of it.

        Raises:
            PointFailed: it failed, was cancelled or lost; the chain is as it was before.
            OSError: the manifest cannot be written.
        """
        jobs = await self._ended(running.job_ids)
        bad = [job for job in jobs if job.outcome is not Outcome.SUCCEEDED]
        if bad:
            left = await self._drop(running)
            words = "; ".join(f"{job.device}: {job.outcome} {job.detail}".strip() for job in bad)
            raise PointFailed(f"{words}{left}")
        return await self._complete(running)

    async def _ended(self, job_ids: Sequence[str]) -> list[Job]:
        """The jobs with their outcomes, if possible when QEMU has forgotten them."""
        jobs = await self._all(job_ids, _is_over)
        try:
            async with asyncio.timeout(_DISMISSAL_SECONDS):
                return await self._all(job_ids, _is_gone)
        except TimeoutError:
            return jobs

    async def _all(self, job_ids: Sequence[str], wanted: Callable[[Job], bool]) -> list[Job]:
        def found() -> list[Job]:
            jobs = [self._state.snapshot.job(job_id) for job_id in job_ids]
            return [job for job in jobs if job is not None and wanted(job)]

        await self._changes_until(lambda: len(found()) == len(job_ids))
        return found()

    async def _changes_until(self, condition: Callable[[], bool]) -> None:
        changed = asyncio.Event()
        unsubscribe = self._subscribers.add(changed.set)
        try:
            while not condition():
                changed.clear()
                await changed.wait()
        finally:
            unsubscribe()

    async def _complete(self, running: RunningPoint) -> Kept:
        point = await asyncio.to_thread(_measured, running.directory, running.point)
        point = point.model_copy(update={"state": PointState.COMPLETE, "ended": datetime.now(UTC)})
        chain = running.chain.with_point(point)
        path = await asyncio.to_thread(write_chain, running.directory, chain)
        # From here on nothing stands on the bitmaps of the points before.
        with contextlib.suppress(QmpError):
            await self._refresh()
            await self._tidy(chain)
        return Kept(path, chain)

    async def _drop(self, running: RunningPoint) -> str:
        """Remove what is of a point that did not come to be; tells what could not be removed."""
        left: list[str] = []
        files = [running.directory / image.file for image in running.point.images.values()]
        left += await asyncio.to_thread(_removed, files)
        chain = running.chain.without_point(running.point.serial)
        if chain.points:
            await asyncio.to_thread(write_chain, running.directory, chain)
        else:
            manifest = running.directory / manifest_name(chain)
            await asyncio.to_thread(manifest.unlink, missing_ok=True)
        try:
            await self._refresh()
            await self._tidy(chain)
        except QmpError as error:
            left.append(f"its bitmap ({error})")
        return f"; left over: {', '.join(left)}" if left else ""

    async def _tidy(self, chain: Chain) -> None:
        """Remove the chain's bitmaps but those of its last complete point and of one that runs.

        Raises:
            QmpError: QEMU could not be asked.
        """
        wanted = {point.serial for point in chain.points if not point.complete}
        if chain.last is not None:
            wanted.add(chain.last.serial)
        session = self._session()
        for device in self._state.snapshot.devices:
            medium = device.medium
            for bitmap in medium.bitmaps if medium is not None else ():
                found = chain_of_bitmap(bitmap.name)
                if medium is None or found is None or found[0] != chain.id or found[1] in wanted:
                    continue
                arguments = {"node": medium.node_name, "name": bitmap_name(*found)}
                try:
                    await session.execute(
                        "block-dirty-bitmap-remove", arguments, timeout=self._deadline
                    )
                except CommandRefused as refusal:
                    log.info("the bitmap %s stays: %s", bitmap.name, refusal)

    # --- after a BlockDeck that died -------------------------------------------------------------

    async def sort_out(self, kept: Kept) -> Kept:
        """Find out what became of points that nobody saw the end of; one that runs is left alone.

        Raises:
            NoManifest: the manifest cannot be read any more.
            NotPossible: it does not have the name by which it would be written anew.
            ChainBusy: somebody else works on the chain.
            QmpError: QEMU could not be asked.
            OSError: the manifest cannot be written.
        """
        with alone_with(kept.path):
            return await self._sort_out(await _as_it_is(kept))

    async def _sort_out(self, kept: Kept) -> Kept:
        await self._refresh()
        for point in kept.chain.points:
            if point.complete:
                continue
            running = RunningPoint(kept.directory, kept.chain, point)
            ends = [await self._end_of(job_id) for job_id in running.job_ids]
            if any(end is None for end in ends):
                continue
            if ends and all(end is Outcome.SUCCEEDED for end in ends):
                kept = await self._complete(running)
            else:
                await self._drop(running)
                without = kept.chain.without_point(point.serial)
                kept = Kept(kept.path, without)
        return kept

    async def _end_of(self, job_id: str) -> Outcome | None:
        """How a job ended, as far as anybody knows; None while it goes on."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DISMISSAL_SECONDS):
                # What has ended is told when its target is closed.
                await self._changes_until(lambda: not self._is_ending(job_id))
        job = self._state.snapshot.job(job_id)
        if job is not None:
            return job.outcome if _is_over(job) else None
        on_record = await asyncio.to_thread(self._on_record, job_id)
        return on_record or Outcome.LOST

    def _is_ending(self, job_id: str) -> bool:
        job = self._state.snapshot.job(job_id)
        return job is not None and job.status == "concluded" and not _is_over(job)

    def _on_record(self, job_id: str) -> Outcome | None:
        if self._history is None:
            return None
        for filed in self._history.reports.newest():
            if filed.report.job == job_id:
                return Outcome(filed.report.outcome)
        return None


async def _as_it_is(kept: Kept) -> Kept:
    """The chain as its manifest is now that nobody else changes it."""
    now = await asyncio.to_thread(read_chain, kept.path)
    if now.path.name != manifest_name(now.chain):
        raise NotPossible(f"{now.path} is not called {manifest_name(now.chain)}.")
    return now


def _with_frozen(running: RunningPoint, seconds: float) -> RunningPoint:
    """The point with how long the guest was frozen for it, also on the disk."""
    point = running.point.model_copy(update={"frozen_seconds": round(seconds, 3)})
    chain = running.chain.with_point(point)
    write_chain(running.directory, chain)
    return replace(running, chain=chain, point=point)


def _is_over(job: Job) -> bool:
    """Whether the outcome is certain and QEMU has let go of the job, and so of its bitmaps."""
    return job.outcome is Outcome.LOST or (job.outcome is not None and job.status in _OVER)


def _is_gone(job: Job) -> bool:
    return job.outcome is Outcome.LOST or job.status == "null"


def _room(directory: Path) -> int:
    """The bytes that are free there for whoever is not root, as a QEMU mostly is."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


def _too_little(needed: int, room: int) -> str:
    if needed <= room:
        return ""
    return f"The point may take {size(needed)}, and {size(room)} are free."


def _are_new(directory: Path, plan: PointPlan) -> None:
    """Whether nothing is overwritten by a point.

    Raises:
        NotPossible: a file is there already.
    """
    for image in plan.point.images.values():
        path = directory / image.file
        if path.is_symlink() or path.exists():
            raise NotPossible(f"{path} is there already: nothing is overwritten.")


def _measured(directory: Path, point: Point) -> Point:
    """The point with the sizes of its files."""
    images = {}
    for name, image in point.images.items():
        found = (directory / image.file).stat()
        sizes = {"file_size": found.st_size, "allocated": found.st_blocks * 512}
        images[name] = image.model_copy(update=sizes)
    return point.model_copy(update={"images": images})


def _removed(files: Iterable[Path]) -> list[str]:
    left = []
    for path in files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            left.append(f"{path} ({error.strerror})")
    return left
