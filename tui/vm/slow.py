"""A backup that makes the guest's writes take many times as long as before."""

from typing import NamedTuple

from tui.vm.job import Job
from tui.vm.snapshot import Device, VmSnapshot

_LOOKS = 2
"""At so many looks in a row writes took that long, before it is more than a moment."""

_FORGET_SECONDS, _FORGET_WAITS = 30.0, 3.0
"""Without a write for so long, and for so many times the last wait, the guest writes no more."""


class Slowness(NamedTuple):
    """A disk whose writes take long, and the backup that is on it."""

    device: Device
    job: Job


def find_slow(vm: VmSnapshot, now: float) -> Slowness | None:
    """The disk of a running backup whose writes take the longest; None where none takes too long.

    Args:
        vm: the VM.
        now: monotonic seconds.
    """
    jobs = {job.device_key: job for job in vm.live_jobs if job.type == "backup"}
    slow = [d for d in vm.devices if d.key in jobs and _is_slow(d, now)]
    worst = max(slow, key=lambda device: device.writes.last or 0.0, default=None)
    return Slowness(worst, jobs[worst.key]) if worst is not None else None


def _is_slow(device: Device, now: float) -> bool:
    wait = device.writes
    if wait.slow_looks < _LOOKS or wait.ended is None or wait.last is None:
        return False
    return now - wait.ended < max(_FORGET_SECONDS, _FORGET_WAITS * wait.last)
