"""Several jobs that belong together, as one."""

from collections.abc import Sequence
from dataclasses import replace

from tui.vm.job import Job


def total_of(jobs: Sequence[Job], title: str) -> Job | None:
    """One job that is as far as all of them together; None without any.

    It lives as long as one of them does, and has the state of the one that is the least far.
    """
    if not jobs:
        return None
    live = [job for job in jobs if job.live]
    least = min(live or jobs, key=lambda job: job.fraction or 0.0)
    if len(jobs) == 1:
        return least
    rates = [job.rate for job in live if job.rate is not None]
    rate = sum(rates) if rates else None
    offset, length = sum(job.offset for job in jobs), sum(job.len for job in jobs)
    eta = (length - offset) / rate if rate else None
    return replace(least, device=title, offset=offset, len=length, rate=rate, eta=eta)
