"""The room for the targets of backups that run, as it is seen from look to look."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from tui.host.process import QemuProcess
from tui.host.space import look_at_space
from tui.qmp.aside import aside
from tui.vm.snapshot import Job
from tui.vm.space import Look, Space, SpaceTrend
from tui.worker.state import VmState


class Room:
    """Follows the free space for each target.

    Args:
        state: where the disks are.
        process: the QEMU, where it is on this host.
    """

    def __init__(self, state: VmState, process: Callable[[], QemuProcess | None]) -> None:
        self._state = state
        self._process = process
        self._trends: dict[str, SpaceTrend] = {}
        self._look: asyncio.Future[dict[str, Look]] | None = None

    async def look(self, jobs: list[Job], patience: float) -> None:
        """Begin a look, and wait so many seconds for it; what comes later is for the next time."""
        targets = {job.target: self._raw_size(job) for job in jobs if job.target}
        self._trends = {name: seen for name, seen in self._trends.items() if name in targets}
        # One that hangs in a dead file system holds up none but itself.
        self._take_in()
        if targets and self._look is None:
            process = self._process()
            self._look = aside(lambda: look_at_space(targets, process), "look at free space")
        if self._look is not None and patience:
            await asyncio.wait((self._look,), timeout=patience)
            self._take_in()

    def _take_in(self) -> None:
        if self._look is None or not self._look.done():
            return
        if not self._look.cancelled() and self._look.exception() is None:
            for target, seen in self._look.result().items():
                self._trends.setdefault(target, SpaceTrend()).add(seen)
        self._look = None

    def _raw_size(self, job: Job) -> int | None:
        arguments = job.command.get("arguments") if job.command is not None else None
        device = self._state.snapshot.device(job.device_key or "")
        if not isinstance(arguments, Mapping) or device is None or device.medium is None:
            return None
        return device.medium.virtual_size if arguments.get("format") == "raw" else None

    def of(self, jobs: list[Job]) -> dict[str, Space]:
        """The room for each target; jobs on one file system need it together."""
        alone = {job.target: self._space(job.target, job.len - job.offset) for job in jobs}
        seen = {target: space for target, space in alone.items() if space is not None}
        needed: Counter[int] = Counter()
        for space in seen.values():
            needed[space.device] += space.to_come or 0
        writing = Counter(seen[job.target].device for job in jobs if job.target in seen)
        return {
            target: replace(space, to_come=needed[space.device], jobs=max(1, writing[space.device]))
            for target, space in seen.items()
        }

    def _space(self, target: str, left: int) -> Space | None:
        trend = self._trends.get(target)
        return trend.space(left) if trend is not None else None
