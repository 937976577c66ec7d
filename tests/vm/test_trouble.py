"""What is so with a guest under a backup, and for how long it is said."""

from dataclasses import replace
from typing import Any

import pytest

from tui.vm.failures import Failures
from tui.vm.job import Job, Outcome
from tui.vm.latency import Wait
from tui.vm.slow import find_slow
from tui.vm.snapshot import Connection, Device, Link, VmSnapshot
from tui.vm.trouble import describe, describe_failing, fate_of_ended, find_failing, find_trouble

NOW = 100.0
JOB = Job(id="nightly", type="backup", key=7, status="running", device_key="d0", started=50.0)


def vm(device: Device, *jobs: Job, link: Link = Link.CONNECTED, **more: Any) -> VmSnapshot:
    """A VM with one disk."""
    return replace(VmSnapshot(), connection=Connection(link), devices=(device,), jobs=jobs, **more)


def failing(last: float, count: int = 3, job: int = JOB.key) -> Device:
    """A disk that writes have failed to."""
    return Device(key="d0", device="d0", failures=Failures(job, count, last))


def test_writes_that_failed_just_now_are_told_of_and_those_of_long_ago_are_not() -> None:
    found = find_failing(vm(failing(NOW - 9), JOB), NOW)
    assert found is not None
    assert describe_failing(found) == (
        "3 writes of the guest to d0 FAILED since nightly: its target does not take them, or the "
        "disk is broken."
    )
    assert find_failing(vm(failing(NOW - 11), JOB), NOW) is None


@pytest.mark.parametrize(
    "seen",
    [
        vm(failing(NOW), replace(JOB, outcome=Outcome.FAILED)),
        vm(failing(NOW, job=6), JOB),
        vm(failing(NOW), replace(JOB, type="mirror")),
        vm(failing(NOW), JOB, link=Link.LOST),
    ],
    ids=["ended", "of another job", "no backup", "not heard of"],
)
def test_no_backup_is_blamed_that_does_not_make_them_fail(seen: VmSnapshot) -> None:
    assert find_failing(seen, NOW) is None


def slow(looks: int = 2, ended: float = NOW, last: float = 1.0) -> Device:
    """A disk that writes to take long."""
    wait = Wait(before=0.001, last=last, ended=ended, slow_looks=looks)
    return Device(key="d0", device="d0", writes=wait)


def test_slow_writes_are_told_of_until_the_guest_writes_no_more() -> None:
    assert find_slow(vm(slow(), JOB), NOW) is not None
    assert find_slow(vm(slow(looks=1), JOB), NOW) is None
    assert find_slow(vm(slow(ended=NOW - 29), JOB), NOW) is not None
    assert find_slow(vm(slow(ended=NOW - 31), JOB), NOW) is None
    # A write that takes a minute may take another.
    assert find_slow(vm(slow(ended=NOW - 61, last=60.0), JOB), NOW) is not None
    assert find_slow(vm(slow(), replace(JOB, outcome=Outcome.SUCCEEDED)), NOW) is None


STOPPED = Device(key="d0", device="d0", io_status="nospace")


@pytest.mark.parametrize(
    ("outcome", "fate"),
    [
        (Outcome.FAILED, "has failed"),
        (Outcome.CANCELLED, "was cancelled"),
        (Outcome.LOST, "is gone"),
        (Outcome.SUCCEEDED, "has ended"),
    ],
)
def test_a_backup_that_has_ended_since_the_guest_stopped_is_told_with_its_fate(
    outcome: Outcome, fate: str
) -> None:
    ended = replace(JOB, outcome=outcome, ended=NOW)
    seen = vm(STOPPED, ended, run_state="io-error", stopped_since=NOW - 5)
    trouble = find_trouble(seen)
    assert trouble is not None
    assert (trouble.jobs, trouble.ended) == ((), (ended,))
    assert fate_of_ended(trouble) == fate
    assert describe(trouble).endswith(f"That backup {fate}: the guest can go on.")


@pytest.mark.parametrize(
    "job",
    [
        replace(JOB, outcome=Outcome.FAILED, ended=NOW - 6),
        replace(JOB, outcome=Outcome.FAILED, ended=NOW, started=NOW - 4),
        replace(JOB, outcome=Outcome.FAILED, ended=NOW, device_key="d1"),
        replace(JOB, outcome=Outcome.FAILED, ended=NOW, type="stream"),
    ],
    ids=["before", "after", "other disk", "no backup"],
)
def test_a_job_that_cannot_have_stopped_it_is_not_blamed(job: Job) -> None:
    trouble = find_trouble(vm(STOPPED, job, run_state="io-error", stopped_since=NOW - 5))
    assert trouble is not None
    assert trouble.ended == ()
    assert "No backup of it is running" in describe(trouble)


def test_when_it_stopped_was_not_seen_so_no_ended_backup_is_blamed() -> None:
    ended = replace(JOB, outcome=Outcome.FAILED, ended=NOW)
    trouble = find_trouble(vm(STOPPED, ended, run_state="io-error"))
    assert trouble is not None
    assert trouble.ended == ()


def test_of_a_vm_that_is_lost_nothing_is_said() -> None:
    seen = vm(STOPPED, JOB, link=Link.LOST, run_state="io-error")
    assert find_trouble(seen) is None
