"""What was asked of our jobs: remembered, and kept on disk for a BlockDeck that comes after us."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tui.qmp.aside import aside
from tui.records.kept import RequestStore, kept_request
from tui.records.request import BackupRequest
from tui.vm.snapshot import Job
from tui.worker.state import VmState

log = logging.getLogger(__name__)

_TOUCH_SECONDS = 15.0
"""How often it is marked that jobs are watched."""

T = TypeVar("T")


class Requests:
    """The requests of the jobs that we started, or an earlier BlockDeck did.

    A disk that fails or hangs keeps no backup from being started: then its report tells less.

    Args:
        state: where the jobs are.
        store: where requests are kept; None keeps none.
        identity: which QEMU it is, so that another one's jobs are not taken for its own.
        patience: seconds to wait for the disk.
    """

    def __init__(
        self,
        state: VmState,
        store: RequestStore | None,
        identity: Callable[[], str],
        patience: float,
    ) -> None:
        self._state = state
        self._store = store
        self._identity = identity
        self._patience = patience
        self._known: dict[str, BackupRequest] = {}
        self._sought: set[int] = set()
        self._touched = 0.0

    def get(self, job_id: str) -> BackupRequest | None:
        """What was asked of a job, where that is known."""
        return self._known.get(job_id)

    def remember(self, job_id: str, request: BackupRequest) -> None:
        """This is about to be asked."""
        self._known[job_id] = request

    async def keep(self, job: Job, command: Mapping[str, Any]) -> None:
        """Put on the disk what is about to be sent."""
        request = self._known.get(job.id)
        if request is not None:
            kept = kept_request(job, request, command)
            await self._aside(lambda store, qemu: store.keep(qemu, kept))

    async def forget(self, job_id: str) -> None:
        """It did not come to be."""
        self._known.pop(job_id, None)
        await self.drop(job_id)

    async def drop(self, job_id: str) -> None:
        """Its report is on the disk: it need not be kept any more."""
        await self._aside(lambda store, qemu: store.drop(qemu, job_id))

    async def adopt(self) -> None:
        """Find out what an earlier BlockDeck asked of the jobs of ours that were there before."""
        for job in self._state.tracker.jobs():
            known = job.command is not None or job.key in self._sought or job.status == "null"
            if self._store is None or known or not (job.ours and job.type):
                continue
            self._sought.add(job.key)
            await self._look_for(job.id)

    async def _look_for(self, job_id: str) -> None:
        found = await self._aside(lambda store, qemu: store.find(qemu, job_id))
        if found is None:
            return
        kept, watched = found
        self._known.setdefault(job_id, kept.request)
        self._state.tracker.adopt(job_id, kept.command, kept.started.timestamp())
        self._state.events.mark_gap(watched, time.time(), job_id)
        self._state.changed()

    async def touch(self, pause: float = _TOUCH_SECONDS) -> None:
        """Leave a mark of until when our jobs were watched, unless that was done so lately."""
        jobs = self._state.tracker.jobs()
        ours = frozenset(job.id for job in jobs if job.live and job.id in self._known)
        if ours and time.monotonic() - self._touched >= pause:
            self._touched = time.monotonic()
            await self._aside(lambda store, qemu: store.watched(qemu, ours))

    async def _aside(self, work: Callable[[RequestStore, str], T]) -> T | None:
        store = self._store
        if store is None:
            return None
        qemu = self._identity()
        try:
            async with asyncio.timeout(self._patience):
                return await aside(lambda: work(store, qemu), "kept requests")
        except TimeoutError:
            log.warning("the kept requests in %s: no answer from the disk", store.directory)
        except OSError as error:
            log.warning("the kept requests in %s: %s", store.directory, error)
        return None
