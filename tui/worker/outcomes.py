"""What has become of our jobs: written down first, then dismissed."""

import asyncio
import logging
from datetime import UTC, datetime

from tui.history import History
from tui.qmp.errors import CommandRefused, QmpError
from tui.qmp.session import QmpSession
from tui.records.report import Gap
from tui.vm.events import NOT_WATCHED
from tui.vm.job import Job
from tui.worker.blockdev import TargetNodes
from tui.worker.requests import Requests
from tui.worker.state import VmState

log = logging.getLogger(__name__)

_PARTING_SECONDS = 0.5


class Outcomes:
    """Sees to it that no outcome of a job of ours is lost.

    Args:
        state: where the jobs are.
        nodes: closes the targets of jobs that are over.
        history: where outcomes are written down; None keeps no record.
        deadline: seconds for each command.
        patience: seconds to wait for the disk at a time, while it goes on writing.
        requests: what was asked of our jobs.
    """

    def __init__(
        self,
        state: VmState,
        nodes: TargetNodes,
        history: History | None,
        deadline: float,
        patience: float,
        requests: Requests,
    ) -> None:
        self._state = state
        self._nodes = nodes
        self._history = history
        self._deadline = deadline
        self._patience = patience
        self._requests = requests
        self._writing: asyncio.Task[None] | None = None

    def _gaps(self, job: Job) -> tuple[Gap, ...]:
        """When nobody watched a job."""
        gaps = []
        for record in self._state.events.since(0):
            if record.name == NOT_WATCHED and record.subject in ("", job.id):
                since, until = (record.event.data[name] for name in ("since", "until"))
                if until >= (job.wall_started or 0.0):
                    gaps.append(Gap(since=_utc(since), until=_utc(until)))
        return tuple(gaps)

    async def write_down(self) -> None:
        """Put every outcome that is certain on record; what fails is tried again next time."""
        unwritten = self._state.tracker.unwritten()
        if self._state.snapshot.read_only:
            # Who may let QEMU forget a job is who records it; of others' nothing waits for that.
            for job in unwritten:
                if not job.ours:
                    self._state.tracker.written(job.key)
            return
        if not unwritten:
            return
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_down(), name="write outcomes down")
        # Who stops waiting does not stop the writing: nothing could call its thread back, and to
        # begin anew would write the line twice.
        done, _ = await asyncio.wait((self._writing,), timeout=self._patience)
        for task in done:
            task.result()

    async def _write_down(self) -> None:
        for job in self._state.tracker.unwritten():
            if self._history is not None:
                try:
                    request = self._requests.get(job.id)
                    await self._history.record(self._state.snapshot, job, request, self._gaps(job))
                except OSError as error:
                    # QEMU keeps the outcome until it can be written down.
                    log.warning("the outcome of %s cannot be recorded: %s", job.id, error)
                    continue
            self._state.tracker.written(job.key)
            await self._requests.drop(job.id)

    async def part(self, session: QmpSession | None) -> None:
        """Settle what is left before the VM is left alone, or let it be after half a second.

        What QEMU still holds is found by the next BlockDeck. Without a session, outcomes that are
        certain are written down all the same.
        """
        try:
            async with asyncio.timeout(_PARTING_SECONDS):
                if session is None:
                    await self.write_down()
                else:
                    await self._requests.touch(0.0)
                    await self.settle(session)
        except (TimeoutError, QmpError) as error:
            log.info("left without settling everything: %s", error)
        finally:
            if self._writing is not None:
                self._writing.cancel()
                # Its thread cannot be called back, but nobody waits for it any more.
                await asyncio.wait((self._writing,), timeout=_PARTING_SECONDS)

    async def settle(self, session: QmpSession) -> None:
        """Close targets, write outcomes down, then let QEMU forget the jobs.

        Raises:
            NotAnswering, ConnectionLost: as `QmpSession.execute`.
        """
        if self._state.snapshot.read_only:
            await self.write_down()
            return
        await self._requests.adopt()
        await self._requests.touch()
        await self._nodes.release(session)
        await self.write_down()
        for job_id in self._state.tracker.to_dismiss():
            try:
                await session.execute("job-dismiss", {"id": job_id}, timeout=self._deadline)
            except CommandRefused as refusal:
                # Another client was quicker, or the job dismissed itself.
                log.info("dismissing %s: %s", job_id, refusal)


def _utc(wall: float) -> datetime:
    return datetime.fromtimestamp(wall, UTC)
