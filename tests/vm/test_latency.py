"""How long the guest's writes take."""

import pytest

from tui.vm.inventory import StatsSample
from tui.vm.latency import WriteWaits

MS = 1_000_000


def sample(taken: float, writes: int, took: int) -> StatsSample:
    """What QEMU has counted of d0."""
    return StatsSample(taken, {}, {"d0": (writes, took)})


def test_a_job_makes_writes_wait_and_what_was_before_is_remembered() -> None:
    waits = WriteWaits()
    waits.add(sample(0, 100, 0), frozenset())
    waits.add(sample(1, 110, 20 * MS), frozenset())
    assert waits.of("d0").now == pytest.approx(0.002)
    waits.add(sample(2, 120, 100 * MS), frozenset({"d0"}))
    wait = waits.of("d0")
    assert wait.now == pytest.approx(0.008)
    assert wait.before == pytest.approx(0.002)
    assert wait.factor == pytest.approx(4)


def test_a_guest_that_writes_nothing_waits_for_nothing() -> None:
    waits = WriteWaits()
    for second in range(3):
        waits.add(sample(second, 100, 5 * MS), frozenset())
    assert waits.of("d0").now is None
    assert waits.of("d0").factor is None


def test_a_vm_that_was_reset_counts_anew() -> None:
    waits = WriteWaits()
    waits.add(sample(0, 100, 50 * MS), frozenset())
    waits.add(sample(1, 3, 1 * MS), frozenset())
    assert waits.of("d0").now is None
