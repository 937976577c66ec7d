"""What a picture of a VM finds by name."""

from tui.vm.job import Job, Outcome
from tui.vm.snapshot import Device, VmSnapshot


def ended(key: int) -> Job:
    """A job that is over."""
    return Job(id="j", type="backup", key=key, outcome=Outcome.SUCCEEDED)


def running(key: int) -> Job:
    """A job that is not."""
    return Job(id="j", type="backup", key=key)


def test_of_jobs_with_one_id_the_running_one_is_meant_else_the_last() -> None:
    for jobs, meant in (
        ((), None),
        ((ended(1), ended(2)), 2),
        ((running(1), ended(2)), 1),
        ((ended(1), running(2), ended(3)), 2),
        ((running(1), running(2)), 2),
    ):
        found = VmSnapshot(jobs=jobs).job("j")
        assert (found.key if found else None) == meant
    assert VmSnapshot(jobs=(running(1),)).job("k") is None


def test_of_disks_with_one_key_the_first_is_meant() -> None:
    first, other = Device(key="a", device="1"), Device(key="b")
    vm = VmSnapshot(devices=(first, other, Device(key="a", device="2")))
    assert vm.device("a") is first
    assert vm.device("b") is other
    assert vm.device("c") is None
