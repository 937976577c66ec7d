"""The durable record of how our jobs ended: one JSON object a line, and a report of each."""

import asyncio
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from tui.records.chain_places import CHAINS, ChainPlaces
from tui.records.kept import REQUESTS, RequestStore
from tui.records.kept_care import CARE, CareStore
from tui.records.kept_fleece import FLEECES, FleeceStore
from tui.records.report import BackupReport, Gap
from tui.records.request import BackupRequest
from tui.records.store import REPORTS, ReportStore
from tui.vm.job import Job
from tui.vm.snapshot import VmSnapshot


class History:
    """Appends outcomes to a file that only its owner can read, and files a report beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reports = ReportStore(path.parent / REPORTS)
        self.requests = RequestStore(path.parent / REQUESTS)
        self.care = CareStore(path.parent / CARE)
        self.fleeces = FleeceStore(path.parent / FLEECES)
        self.chains = ChainPlaces(path.parent / CHAINS)
        # A record that failed is tried again, and must not become two reports.
        self._ended: dict[tuple[str, str, int], datetime] = {}

    async def record(
        self,
        vm: VmSnapshot,
        job: Job,
        request: BackupRequest | None = None,
        gaps: tuple[Gap, ...] = (),
    ) -> None:
        """Write one ended job down.

        Args:
            vm: the VM.
            job: the job.
            request: what was asked for, where that is known.
            gaps: when nobody watched it.

        Raises:
            OSError: the file cannot be written.
        """
        line = json.dumps(
            {
                "ended": time.time(),
                "vm": vm.name,
                "uuid": vm.uuid,
                "job": job.id,
                "ours": job.ours,
                "device": job.device,
                "target": job.target,
                "outcome": job.outcome,
                "detail": job.detail,
                "offset": job.offset,
                "len": job.len,
                "command": job.command,
            }
        )
        tried = (vm.address, job.id, job.key)
        ended = self._ended.setdefault(tried, _ended(job))
        report = BackupReport.of(vm, job, request, ended, gaps)
        # The line last: it is written once, and a report replaces itself.
        await asyncio.to_thread(self.reports.file, report)
        await asyncio.to_thread(self._append, line)
        del self._ended[tried]

    def _append(self, line: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            # QEMU is told to forget the job right after this.
            os.fsync(handle)


def _ended(job: Job) -> datetime:
    """When it ended by the clock on the wall."""
    if job.wall_started is not None and job.started is not None and job.ended is not None:
        return datetime.fromtimestamp(job.wall_started + job.ended - job.started, UTC)
    return datetime.now(UTC)
