"""Watches one job through a worker's snapshots until its outcome is certain."""

import asyncio
import time

from tui.cli.failure import Failure, Status
from tui.cli.progress import Reporter
from tui.vm.events import NOT_WATCHED
from tui.vm.job import Job
from tui.vm.snapshot import Link
from tui.worker import VmWorker

PATIENCE = 60.0
"""Seconds without a connection after which the watch is given up."""

DISMISSAL = 5.0
"""Seconds an ended job of ours is given to be recorded and dismissed."""


class Follower:
    """Tells a reporter what becomes of a job.

    Create it before the job is started, and nothing is lost between its start and the watch.
    """

    def __init__(self, worker: VmWorker, reporter: Reporter) -> None:
        self._worker = worker
        self._reporter = reporter
        self._changed = asyncio.Event()
        self._seen = worker.events.total
        # An id can have been used before.
        self._earlier = frozenset(job.key for job in worker.snapshot.jobs)
        self._link = Link.CONNECTED
        self._held = ""

    async def follow(self, job_id: str) -> Job:
        """Wait for the end of a job; returns it with its outcome.

        Raises:
            Failure: there was no connection for so long that nothing can be told.
        """
        unsubscribe = self._worker.subscribe(self._changed.set)
        try:
            while True:
                self._changed.clear()
                job = self._look(job_id)
                if job is not None and job.outcome is not None:
                    return await self._dismissed(job)
                await self._wait()
        finally:
            unsubscribe()

    def _look(self, job_id: str) -> Job | None:
        for record in self._worker.events.since(self._seen):
            self._seen = record.number
            if record.name == NOT_WATCHED:
                self._reporter.notice(record.meaning)
            else:
                self._reporter.event(record)
        job = self._job(job_id)
        if job is not None:
            self._reporter.progress(job)
            self._tell_of_care(job)
        connection = self._worker.snapshot.connection
        if connection.link is not self._link:
            self._link = connection.link
            self._reporter.notice(
                "connected again"
                if connection.link is Link.CONNECTED
                else f"{connection.link}: {connection.detail}"
            )
        return job

    def _tell_of_care(self, job: Job) -> None:
        """Say when it begins to be held back, and when no more; the numbers are in its progress."""
        held = job.care.held_back_for if job.live and job.care.held_back else ""
        if held != self._held:
            self._held = held
            now = f"held back {held}" if held else "goes as fast as it may again"
            why = f": {job.care.steering}" if job.care.steering and not job.care.capped else ""
            self._reporter.notice(f"{job.id} {now}{why}" if job.live else f"{job.id} has ended")

    def _job(self, job_id: str) -> Job | None:
        jobs = self._worker.snapshot.jobs
        ours = [job for job in jobs if job.id == job_id and job.key not in self._earlier]
        return ours[-1] if ours else None

    async def _wait(self) -> None:
        """Wait for a change; while there is no connection, not for ever."""
        connection = self._worker.snapshot.connection
        if connection.link is Link.CONNECTED:
            await self._changed.wait()
            return
        left = connection.since + PATIENCE - time.monotonic()
        try:
            async with asyncio.timeout(left):
                await self._changed.wait()
        except TimeoutError:
            raise Failure(
                f"what became of the backup is not known: {connection.detail}",
                connection.advice,
                Status.UNREACHABLE,
            ) from None

    async def _dismissed(self, job: Job) -> Job:
        """Stay until the outcome is on record and QEMU has let go of the job."""
        deadline = time.monotonic() + DISMISSAL
        # A job that dismisses itself, or that QEMU took with it, is gone at once.
        while job.status == "concluded" and job.ours:
            self._changed.clear()
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await self._changed.wait()
            except TimeoutError:
                self._reporter.notice(f"QEMU still holds {job.id}: its outcome was not recorded")
                return job
            job = self._look(job.id) or job
        return job
