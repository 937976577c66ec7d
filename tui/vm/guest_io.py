"""What the guest reads and writes of each disk, followed from look to look."""

from collections.abc import Mapping

from tui.vm.failures import FailedWrites
from tui.vm.latency import Waits
from tui.vm.snapshot import Device, Throughput
from tui.vm.stats import StatsSample

_SHORTEST_SPAN = 0.5
"""Seconds below which two looks say nothing about a rate."""

_FIRST_SPAN = 1.0
"""Seconds between the first two looks, so that a first rate is shown soon."""


class GuestIo:
    """Rates, waits and failures, by what QEMU has counted at each look.

    Attributes:
        writes: how long the guest's writes take.
        reads: how long its reads take.
    """

    def __init__(self) -> None:
        self.writes, self.reads = Waits(), Waits()
        self._failed = FailedWrites()
        self._earlier: StatsSample | None = None
        self._later: StatsSample | None = None

    def add(self, sample: StatsSample, jobs: Mapping[str, int]) -> None:
        """Take in a look.

        Args:
            sample: what QEMU has counted.
            jobs: the `key` of the job that works on each disk, by the disk's key.
        """
        self.writes.add(sample.taken, sample.writes, jobs)
        self.reads.add(sample.taken, sample.reads, jobs)
        self._failed.add(sample, jobs)
        if self._later is None or sample.taken - self._later.taken >= _SHORTEST_SPAN:
            self._earlier, self._later = self._later, sample
        elif self._earlier is not None:
            self._later = sample

    def interrupt(self) -> None:
        """Nobody looked for a while: rates start anew."""
        self._earlier = self._later = None
        self.writes.interrupt()
        self.reads.interrupt()

    @property
    def first_rate_at(self) -> float | None:
        """When a second look tells a first rate (monotonic seconds); None where that is not it."""
        if self._earlier is not None or self._later is None:
            return None
        return self._later.taken + _FIRST_SPAN

    def of(self, device: Device) -> Device:
        """The disk with what is known of it."""
        return device._replace(
            throughput=self._throughput(device.key),
            writes=self.writes.of(device.key),
            reads=self.reads.of(device.key),
            failures=self._failed.of(device.key),
        )

    def _throughput(self, key: str) -> Throughput | None:
        """Rates between two looks; None until there are two, or where QEMU counts nothing."""
        before, after = self._earlier, self._later
        if before is None or after is None or after.taken <= before.taken:
            return None
        if key not in before.reads or key not in after.reads:
            return None
        seconds = after.taken - before.taken
        read = after.reads[key].size - before.reads[key].size
        written = after.writes[key].size - before.writes[key].size
        return Throughput(read=max(0.0, read / seconds), write=max(0.0, written / seconds))
