"""Writes that the guest was told have failed, while a job was on their disk.

With `werror=report`, and with the default for any error but a lack of space, a backup's target that
fails does not stop the guest: each write that the copy has to go before is answered by an error.
"""

from collections.abc import Mapping
from typing import NamedTuple

from tui.vm.stats import StatsSample


class Failures(NamedTuple):
    """Failed writes to one disk.

    Attributes:
        job: `key` of the job that was on it.
        writes: how many have failed since it was.
        last: when the last was seen, in monotonic seconds.
    """

    job: int
    writes: int
    last: float


class FailedWrites:
    """Follows them from look to look."""

    def __init__(self) -> None:
        self._last: StatsSample | None = None
        self._jobs: Mapping[str, int] = {}
        self._found: dict[str, Failures] = {}

    def add(self, sample: StatsSample, jobs: Mapping[str, int]) -> None:
        """Take in a look.

        Args:
            sample: what QEMU has counted.
            jobs: the `key` of the job that works on each disk, by the disk's key.
        """
        last, jobs_before = self._last, self._jobs
        self._last, self._jobs = sample, jobs
        if last is None:
            return
        for key, count in sample.writes.items():
            # One that ended between two looks made those fail that came before its end.
            job = jobs.get(key, jobs_before.get(key))
            before = last.writes.get(key)
            if job is None or before is None or count.failed <= before.failed:
                continue
            found = self._found.get(key)
            known = found.writes if found is not None and found.job == job else 0
            more = count.failed - before.failed
            self._found[key] = Failures(job, known + more, sample.taken)

    def of(self, key: str) -> Failures | None:
        """The failed writes to a disk, of the last job under which one failed; None without any."""
        return self._found.get(key)
