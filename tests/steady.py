"""What moves while backups run, told to every screen with numbers that are the same each time.

The VM, its jobs and their states are real; how far a job is, how fast, and for how long are not,
nor how long the guest's requests take.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tui.records.report import BackupReport
from tui.screens import job_page
from tui.vm.events import EventRecord
from tui.vm.job import Job
from tui.vm.latency import Wait
from tui.vm.snapshot import Device, Throughput, VmSnapshot
from tui.vm.space import Space
from tui.vm.timeline import Moment, timeline
from tui.vm.trouble import RUNNING
from tui.worker.state import VmState

MIB = 1 << 20
_DONE = 0.42
_RUNS = 30.0
_TOOK = 10.0
_FASTEST = 11.5 * MIB
_GUEST = 16 << 10
_FREE = 700 * MIB
_FULL = 2 * MIB
"""With less than that a file system is full: one block more or less is no matter."""


def steady(vm: VmSnapshot) -> VmSnapshot:
    """The VM with numbers that stand still."""
    running = vm.run_state == RUNNING
    return replace(
        vm,
        devices=tuple(_device(device, running=running) for device in vm.devices),
        jobs=tuple(map(steady_job, vm.jobs)),
    )


@contextmanager
def told(how: Callable[[VmSnapshot], VmSnapshot] = steady) -> Iterator[None]:
    """Have every screen told so of every VM, for as long as it is the context."""
    seen = vars(VmState)["snapshot"].fget
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BackupReport, "of", _report)
        patch.setattr(job_page, "timeline", _to_the_end)
        patch.setattr(VmState, "snapshot", property(lambda state: how(seen(state))))
        yield


def steady_job(job: Job) -> Job:
    """A job as far as it always is."""
    if job.started is None:
        return job
    if not job.live:
        took = job.ended - _TOOK if job.ended is not None else job.started
        return replace(job, started=took, rates=_rates(_FASTEST), rated=_TOOK)
    now = time.monotonic()
    most = min(_FASTEST, job.speed or _FASTEST)
    done = int(job.len * _DONE)
    return replace(
        job,
        offset=done,
        rate=None if job.paused else _rates(most)[-1],
        rates=_rates(most),
        rated=_RUNS,
        eta=None if job.paused else 42.0,
        started=now - _RUNS,
        moved=now,
        care=job.care._replace(space=_space(job.care.space, job.len - done)),
    )


def _to_the_end(
    records: Iterable[EventRecord], job_id: str, since: float | None, _: float | None
) -> tuple[Moment, ...]:
    """The moments of a job until the last, however long it really took."""
    return timeline(records, job_id, since)


_REPORT = BackupReport.of


def _report(*args: Any) -> BackupReport:
    report = _REPORT(*args)
    return report.model_copy(update={"seconds": _TOOK, "mean_rate": report.copied / _TOOK})


def _rates(most: float) -> tuple[float, ...]:
    return tuple(most * (1 - (place * 7 % 11) / 80) for place in range(30))


def _space(space: Space | None, to_come: int) -> Space | None:
    if space is None:
        return None
    free = 0 if space.free < _FULL else _FREE
    return Space(free=free, total=space.total, to_come=to_come, likely=to_come // 8)


def _device(device: Device, *, running: bool) -> Device:
    flow = device.throughput
    writes = bool(flow and flow.write) and running
    return device._replace(
        throughput=flow and Throughput(write=_GUEST if writes else 0.0),
        writes=_wait(device.writes, running=running),
        reads=_wait(device.reads, running=running),
    )


def _wait(wait: Wait, *, running: bool) -> Wait:
    if wait.last is None:
        return wait
    ended = time.monotonic() - (0.0 if running else 8.0)
    return Wait(now=0.0006, before=0.0005, last=0.0006, ended=ended, rate_before=_GUEST)
