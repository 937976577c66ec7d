"""How long the guest's reads and writes take."""

import pytest

from tui.vm.latency import SLOW_FACTOR, SLOW_SECONDS, Wait, Waits
from tui.vm.stats import Count

MS = 1_000_000


class Disk:
    """Looks at the writes of d0."""

    def __init__(self) -> None:
        self.waits = Waits()

    def look(self, taken: float, done: int, took: int, *, busy: bool = False) -> Wait:
        """QEMU has counted so many, which took so many nanoseconds together."""
        counts = {"d0": Count(done=done, took=took, size=done * 512)}
        self.waits.add(taken, counts, {"d0"} if busy else ())
        return self.waits.of("d0")


def test_a_job_makes_writes_wait_and_what_was_before_is_remembered() -> None:
    disk = Disk()
    disk.look(0, 100, 0)
    wait = disk.look(1, 110, 20 * MS)
    assert wait.now == pytest.approx(0.002)
    assert wait.rate_before == pytest.approx(5120)
    wait = disk.look(2, 120, 100 * MS, busy=True)
    assert wait.now == pytest.approx(0.008)
    assert wait.before == pytest.approx(0.002)
    assert wait.factor == pytest.approx(4)


def test_a_look_that_is_partly_of_a_job_s_time_is_no_time_before() -> None:
    disk = Disk()
    disk.look(0, 100, 0)
    disk.look(1, 110, 20 * MS)
    disk.look(2, 120, 100 * MS, busy=True)
    assert disk.look(3, 130, 900 * MS).before == pytest.approx(0.002)
    assert disk.look(4, 140, 920 * MS).before == pytest.approx(0.002)


def test_a_guest_that_writes_nothing_waits_for_nothing() -> None:
    disk = Disk()
    disk.look(0, 100, 5 * MS)
    wait = disk.look(1, 100, 5 * MS)
    assert (wait.now, wait.last, wait.ended, wait.factor) == (None, None, None, None)


def test_while_no_write_ends_the_last_one_is_remembered() -> None:
    disk = Disk()
    disk.look(0, 100, 0)
    disk.look(1, 101, 3 * MS)
    wait = disk.look(2, 101, 3 * MS, busy=True)
    assert (wait.now, wait.ended) == (None, 1)
    assert wait.last == pytest.approx(0.003)


def test_slowness_is_counted_from_look_to_look_of_those_with_a_write() -> None:
    disk = Disk()
    disk.look(0, 100, 0)
    disk.look(1, 110, 20 * MS)
    long = int(1e9 * max(SLOW_FACTOR * 0.002, SLOW_SECONDS))
    took = 20 * MS + long
    assert disk.look(2, 111, took, busy=True).slow_looks == 1
    assert disk.look(3, 111, took, busy=True).slow_looks == 1
    took += long
    assert disk.look(4, 112, took, busy=True).slow_looks == 2
    assert disk.look(5, 113, took + MS, busy=True).slow_looks == 0


def test_a_vm_that_was_reset_counts_anew() -> None:
    disk = Disk()
    disk.look(0, 100, 50 * MS)
    assert disk.look(1, 3, 1 * MS).now is None


def test_what_happens_while_nobody_looks_is_no_time_before_and_what_was_before_stays() -> None:
    disk = Disk()
    disk.look(0, 100, 0)
    disk.look(1, 110, 20 * MS)
    disk.waits.interrupt()
    assert disk.look(9, 500, 9_000 * MS).before == pytest.approx(0.002)
    assert disk.look(10, 501, 9_002 * MS).before == pytest.approx(0.002)
