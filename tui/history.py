"""The durable record of how our jobs ended, one JSON object a line."""

import asyncio
import json
import os
import time
from pathlib import Path

from tui.vm.snapshot import Job, VmSnapshot


class History:
    """Appends outcomes to a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def record(self, vm: VmSnapshot, job: Job) -> None:
        """Write one ended job down.

        Raises:
            OSError: the file cannot be written.
        """
        line = json.dumps(
            {
                "ended": time.time(),
                "vm": vm.name,
                "uuid": vm.uuid,
                "job": job.id,
                "device": job.device,
                "target": job.target,
                "outcome": job.outcome,
                "detail": job.detail,
                "offset": job.offset,
                "len": job.len,
                "command": job.command,
            }
        )
        await asyncio.to_thread(self._append, line)

    def _append(self, line: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            # QEMU is told to forget the job right after this.
            os.fsync(handle)
