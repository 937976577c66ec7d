"""The end of a point: complete, or gone with all that was made for it."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from tui.chain.directory import Kept, manifest_name, write_chain
from tui.chain.manifest import Chain, PointState, bitmap_name, chain_of_bitmap
from tui.history import History
from tui.qmp.errors import CommandRefused, QmpError
from tui.qmp.session import QmpSession
from tui.vm.job import Job, Outcome
from tui.vm.snapshot import VmSnapshot
from tui.worker.point import NotRecorded, PointFailed, RunningPoint, files_of, measured, removed
from tui.worker.state import VmState
from tui.worker.subscribers import Subscribers

log = logging.getLogger(__name__)

_DISMISSAL_SECONDS = 5.0
"""How long an outcome may take to be on record, after which QEMU forgets the job."""

_OVER = frozenset({"concluded", "null"})


class PointEnd:
    """Sees points to their end.

    Args:
        state: what is known of the VM.
        subscribers: told of each change of the VM.
        session: the connection, or raises `ConnectionLost`.
        refresh: asks QEMU for everything again.
        deadline: seconds for each command.
        history: where earlier outcomes are on record.
    """

    def __init__(
        self,
        state: VmState,
        subscribers: Subscribers,
        session: Callable[[], QmpSession],
        refresh: Callable[[], Awaitable[VmSnapshot]],
        deadline: float,
        history: History | None,
    ) -> None:
        self._state = state
        self._subscribers = subscribers
        self._session = session
        self._refresh = refresh
        self._deadline = deadline
        self._history = history

    async def finish(self, running: RunningPoint) -> Kept:
        """Wait for the end of a point's backup; the chain with the point complete.

        Raises:
            PointFailed: it failed, was cancelled or lost; the chain is as it was before.
            NotRecorded: as `complete`.
            OSError: it failed, and the manifest cannot be written.
        """
        jobs = await self._ended(running.job_ids)
        bad = [job for job in jobs if job.outcome is not Outcome.SUCCEEDED]
        if bad:
            left = await self.drop(running)
            words = "; ".join(f"{job.device}: {job.outcome} {job.detail}".strip() for job in bad)
            raise PointFailed(f"{words}; left over: {left}" if left else words)
        return await self.complete(running)

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

    async def complete(self, running: RunningPoint) -> Kept:
        """Have a point whose backup succeeded complete in its chain.

        Raises:
            NotRecorded: the manifest cannot be written.
        """
        point = await asyncio.to_thread(measured, running.directory, running.point)
        point = point.model_copy(update={"state": PointState.COMPLETE, "ended": datetime.now(UTC)})
        chain = running.chain.with_point(point)
        try:
            path = await asyncio.to_thread(write_chain, running.directory, chain)
        except OSError as error:
            manifest = running.directory / manifest_name(chain)
            raise NotRecorded(
                f"Point {point.serial} is copied whole, but {manifest} cannot be written "
                f"({error.strerror}), so it does not count yet. When that is mended, the next "
                "point of the chain has it complete."
            ) from error
        # From here on nothing stands on the bitmaps of the points before.
        with contextlib.suppress(QmpError):
            await self._refresh()
            await self.tidy(chain)
        return Kept(path, chain)

    async def drop(self, running: RunningPoint) -> str:
        """Remove what is of a point that did not come to be; tells what could not be removed."""
        left: list[str] = []
        left += await asyncio.to_thread(removed, files_of(running))
        chain = running.chain.without_point(running.point.serial)
        if chain.points:
            await asyncio.to_thread(write_chain, running.directory, chain)
        else:
            manifest = running.directory / manifest_name(chain)
            await asyncio.to_thread(manifest.unlink, missing_ok=True)
        try:
            await self._refresh()
            await self.tidy(chain)
        except QmpError as error:
            left.append(f"its bitmap ({error})")
        return ", ".join(left)

    async def tidy(self, chain: Chain) -> None:
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

    async def end_of(self, job_id: str) -> Outcome | None:
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


def _is_over(job: Job) -> bool:
    """Whether the outcome is certain and QEMU has let go of the job, and so of its bitmaps."""
    return job.outcome is Outcome.LOST or (job.outcome is not None and job.status in _OVER)


def _is_gone(job: Job) -> bool:
    return job.outcome is Outcome.LOST or job.status == "null"
