"""The room for the targets of backups that run, as it is seen from look to look."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from tui.backup.formats import FORMATS, PLAIN
from tui.host.process import QemuProcess
from tui.host.space import look_at_space
from tui.qmp.aside import aside
from tui.vm.job import Job
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
        device = self._state.snapshot.device(job.device_key or "")
        if device is None or device.medium is None or _format_sent(job) != "raw":
            return None
        return device.medium.virtual_size

    def _allocated(self, job: Job) -> int | None:
        """What its disk holds; None where that is not told, or the target takes room for all."""
        device = self._state.snapshot.device(job.device_key or "")
        known = FORMATS.get(_format_sent(job) or self._format_found(job))
        if device is None or device.medium is None or known is None or not known.holes:
            return None
        return device.medium.allocated

    def _format_found(self, job: Job) -> str:
        """The format of the node that another client's job writes to."""
        nodes = self._state.snapshot.nodes
        written_to = {node.driver for node in nodes if node.filename == job.target}
        return next(iter(written_to & FORMATS.keys() - PLAIN), "")

    def of(self, jobs: list[Job]) -> dict[str, Space]:
        """The room for each target; jobs on one file system need it together."""
        alone = {job.target: self._space(job) for job in jobs}
        seen = {target: space for target, space in alone.items() if space is not None}
        together: dict[int, list[Space]] = {}
        for space in seen.values():
            together.setdefault(space.device, []).append(space)
        return {target: _of_all(space, together[space.device]) for target, space in seen.items()}

    def _space(self, job: Job) -> Space | None:
        trend = self._trends.get(job.target)
        if trend is None:
            return None
        left = job.len - job.offset
        return trend.space(left, allocated=self._allocated(job), ends_in=job.eta)


def _format_sent(job: Job) -> str:
    """The format that we told QEMU to write; empty where that is not known."""
    arguments = job.command.get("arguments") if job.command is not None else None
    found = arguments.get("format") if isinstance(arguments, Mapping) else None
    return found if isinstance(found, str) else ""


def _of_all(space: Space, together: Sequence[Space]) -> Space:
    """The room for a job, with what all that write to its file system need."""
    ends = [one.ends_in for one in together if one.ends_in is not None]
    return space._replace(
        to_come=sum(one.to_come or 0 for one in together),
        likely=sum(one.expected or 0 for one in together),
        ends_in=max(ends) if len(ends) == len(together) else None,
        jobs=len(together),
    )
