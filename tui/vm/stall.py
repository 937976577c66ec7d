"""A backup whose target, or disk, does not answer: told by its progress, for no event tells it.

A request that is never answered is no error. The job stays `running`, the VM too; but each write of
the guest that the copy has to go before waits with it.
"""

from tui.vm.job import Job

_PATIENCE = 10.0
"""Seconds without progress that are nothing unusual."""

_LARGEST_STEP = 16 << 20
"""Bytes that QEMU may copy at once before it tells; at a low limit it then rests long."""


def stalled_for(job: Job, now: float) -> float | None:
    """Seconds for which a backup has copied nothing though it should; None while it does.

    Args:
        job: a job of any type; of others than backups nothing is known.
        now: monotonic seconds.
    """
    if job.type != "backup" or job.state != "running" or job.moved is None:
        return None
    if job.offset >= job.len or job.io_status != "ok":
        return None
    still = now - job.moved
    rest = _LARGEST_STEP / job.speed if job.speed else 0.0
    return still if still >= _PATIENCE + rest else None
