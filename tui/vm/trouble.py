"""When a backup stops its guest: told by run state and io-status, for no job event tells it.

Before a guest may write where the copy has not been, a backup saves the old data to its target.
When the target is full or broken that fails, and with it the guest's write. With `werror=enospc` or
`stop` (the default stops for a lack of space) the VM then stops in run state `io-error`; with
`report` the guest gets the error. `on-target-error` has no part in that.
"""

from typing import NamedTuple

from tui.vm.job import Job, Outcome
from tui.vm.snapshot import Device, Link, VmSnapshot

RUNNING = "running"
STOPPED_BY_ERROR = "io-error"
"""`RunState` of a VM that an I/O error of a disk stopped."""

_BAD_IO = frozenset({"nospace", "failed"})

_FATES = {
    Outcome.SUCCEEDED: "has ended",
    Outcome.FAILED: "has failed",
    Outcome.CANCELLED: "was cancelled",
    Outcome.LOST: "is gone",
}

_FAILING_SECONDS = 10.0
"""So long after a write of the guest has failed, writes count as failing."""


class Trouble(NamedTuple):
    """A guest that an I/O error has stopped.

    Attributes:
        disks: titles of the disks with an error.
        jobs: the running backups of these disks, which may be the reason.
        no_space: the error was a lack of space.
        ended: where none runs, the backups of these disks that have ended since it stopped.
    """

    disks: tuple[str, ...]
    jobs: tuple[Job, ...]
    no_space: bool
    ended: tuple[Job, ...] = ()

    @property
    def by_backup(self) -> bool:
        """Whether a backup may be the reason."""
        return bool(self.jobs)


def find_trouble(vm: VmSnapshot) -> Trouble | None:
    """What stopped the guest; None while it is not stopped by an error."""
    if vm.run_state != STOPPED_BY_ERROR or vm.connection.link is Link.LOST:
        return None
    bad = tuple(device for device in vm.devices if device.io_status in _BAD_IO)
    backups = tuple(job for job in vm.live_jobs if job.type == "backup")
    # Of a disk without io-status nothing is known: it may be any of them.
    blamed = tuple(job for job in backups if not bad or any(_is_of(job, d) for d in bad))
    return Trouble(
        disks=tuple(device.title for device in bad),
        jobs=blamed,
        no_space=any(device.io_status == "nospace" for device in bad),
        ended=() if blamed else _ended_since(vm, bad),
    )


def _ended_since(vm: VmSnapshot, bad: tuple[Device, ...]) -> tuple[Job, ...]:
    """The backups that ran when the guest was stopped, and run no more."""
    stopped = vm.stopped_since
    if stopped is None:
        return ()
    return tuple(
        job
        for job in vm.jobs
        if job.type == "backup"
        and job.ended is not None
        and job.ended >= stopped
        and (job.started is None or job.started <= stopped)
        and (not bad or any(job.device_key == device.key for device in bad))
    )


def _is_of(job: Job, device: Device) -> bool:
    return job.device_key == device.key or job.id in device.jobs


def describe(trouble: Trouble) -> str:
    """One sentence for the screen."""
    where = ", ".join(trouble.disks) or "a disk"
    what = "no space left" if trouble.no_space else "an I/O error"
    if not trouble.by_backup and not trouble.ended:
        return f"The guest is STOPPED: {what} on {where}. No backup of it is running."
    jobs = ", ".join(job.id for job in trouble.jobs or trouble.ended)
    # Which side an I/O error is of nobody tells: what is copied first is read, then written.
    why = "the backup's target is full" if trouble.no_space else "its target or the disk is broken"
    words = f"The guest is STOPPED: a write to {where} had to wait for {jobs}, and {why}."
    fate = fate_of_ended(trouble)
    return words if fate is None else f"{words} That backup {fate}: the guest can go on."


def fate_of_ended(trouble: Trouble) -> str | None:
    """What became of the backups that stopped the guest, in words; None where they run."""
    outcomes = {job.outcome for job in trouble.ended if job.outcome is not None}
    if not outcomes:
        return None
    return _FATES[next(iter(outcomes))] if len(outcomes) == 1 else "has ended"


class Failing(NamedTuple):
    """A guest whose writes fail while it runs on.

    Attributes:
        disk: title of the disk they go to.
        job: the running backup of this disk.
        writes: how many have failed since it began.
    """

    disk: str
    job: Job
    writes: int


def find_failing(vm: VmSnapshot, now: float) -> Failing | None:
    """The disk with most writes of the guest failed under a backup that makes them fail now.

    Args:
        vm: the VM; of one that is not heard of nothing is known.
        now: monotonic seconds.
    """
    if vm.connection.link is Link.LOST:
        return None
    jobs = {job.key: job for job in vm.live_jobs if job.type == "backup"}
    found = [
        Failing(device.title, jobs[failures.job], failures.writes)
        for device in vm.devices
        if (failures := device.failures) is not None
        and failures.job in jobs
        and now - failures.last < _FAILING_SECONDS
    ]
    return max(found, key=lambda one: one.writes, default=None)


def describe_failing(failing: Failing) -> str:
    """One sentence for the screen."""
    many = f"{failing.writes:,} write{'' if failing.writes == 1 else 's'} of the guest"
    # Which side an error is of nobody tells, as for a guest that is stopped.
    why = "its target does not take them, or the disk is broken"
    return f"{many} to {failing.disk} FAILED since {failing.job.id}: {why}."
