"""Writes of the guest that fail under a job."""

from tui.vm.failures import FailedWrites, Failures
from tui.vm.stats import Count, StatsSample


def look(seen: FailedWrites, taken: float, failed: int, job: int | None = None) -> Failures | None:
    """QEMU has counted so many failed writes to d0, which this job is on."""
    sample = StatsSample(taken, {}, {"d0": Count(failed=failed)})
    seen.add(sample, {"d0": job} if job is not None else {})
    return seen.of("d0")


def test_failures_are_counted_from_the_beginning_of_the_job() -> None:
    seen = FailedWrites()
    assert look(seen, 0, 5) is None
    assert look(seen, 1, 7) is None
    assert look(seen, 2, 9, job=1) == Failures(1, 2, 2)
    assert look(seen, 3, 9, job=1) == Failures(1, 2, 2)
    assert look(seen, 4, 12, job=1) == Failures(1, 5, 4)


def test_those_before_the_first_look_are_not_the_job_s() -> None:
    seen = FailedWrites()
    assert look(seen, 0, 100, job=1) is None
    assert look(seen, 1, 100, job=1) is None


def test_what_failed_until_the_job_ended_is_counted_and_what_fails_later_is_not() -> None:
    seen = FailedWrites()
    look(seen, 0, 0)
    look(seen, 1, 1, job=1)
    assert look(seen, 2, 3) == Failures(1, 3, 2)
    assert look(seen, 3, 8) == Failures(1, 3, 2)


def test_the_next_job_begins_anew() -> None:
    seen = FailedWrites()
    look(seen, 0, 0)
    look(seen, 1, 4, job=1)
    assert look(seen, 2, 4, job=2) == Failures(1, 4, 1)
    assert look(seen, 3, 5, job=2) == Failures(2, 1, 3)
