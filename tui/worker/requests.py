"""What was asked of our jobs: remembered, and kept on disk for a BlockDeck that comes after us."""

import time
from collections.abc import Mapping
from typing import Any

from tui.records.kept import RequestStore, kept_request
from tui.records.request import BackupRequest
from tui.vm.job import Job
from tui.worker.disk import Disk
from tui.worker.state import VmState

_TOUCH_SECONDS = 15.0
"""How often it is marked that jobs are watched."""


class Requests:
    """The requests of the jobs that we started, or an earlier BlockDeck did.

    Args:
        state: where the jobs are.
        disk: where requests are kept.
    """

    def __init__(self, state: VmState, disk: Disk[RequestStore]) -> None:
        self._state = state
        self._disk = disk
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
            await self._disk.ask(lambda store, qemu: store.keep(qemu, kept))

    async def forget(self, job_id: str) -> None:
        """It did not come to be."""
        self._known.pop(job_id, None)
        await self.drop(job_id)

    async def drop(self, job_id: str) -> None:
        """Its report is on the disk: it need not be kept any more."""
        await self._disk.ask(lambda store, qemu: store.drop(qemu, job_id))

    async def adopt(self) -> None:
        """Find out what an earlier BlockDeck asked of the jobs of ours that were there before."""
        for job in self._state.tracker.jobs():
            known = job.command is not None or job.key in self._sought or job.status == "null"
            if not self._disk.present or known or not (job.ours and job.type):
                continue
            self._sought.add(job.key)
            await self._look_for(job.id, job.asked)

    async def _look_for(self, job_id: str, asked: int | None) -> None:
        found = await self._disk.ask(lambda store, qemu: store.find(qemu, job_id))
        if found is None:
            return
        kept, watched = found
        self._known.setdefault(job_id, kept.request)
        self._state.tracker.adopt(job_id, kept.command, kept.started.timestamp())
        limit = kept.request.arguments.get("speed")
        if asked is None and isinstance(limit, int):
            # What was set after its start is known already.
            self._state.tracker.speed_asked(job_id, limit)
        self._state.events.mark_gap(watched, time.time(), job_id)
        self._state.changed()

    async def touch(self, pause: float = _TOUCH_SECONDS) -> None:
        """Leave a mark of until when our jobs were watched, unless that was done so lately."""
        jobs = self._state.tracker.jobs()
        ours = frozenset(job.id for job in jobs if job.live and job.id in self._known)
        if ours and time.monotonic() - self._touched >= pause:
            self._touched = time.monotonic()
            await self._disk.ask(lambda store, qemu: store.watched(qemu, ours))
