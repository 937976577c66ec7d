"""What an event changes of the picture of a VM, and what it leaves as it is."""

from typing import Any

import pytest

from tui.qmp.models import QmpEvent
from tui.vm.inventory import Inventory
from tui.vm.job import Outcome
from tui.vm.snapshot import Device
from tui.worker.pace import Pace
from tui.worker.state import VmState

RUNNING = (
    {"event": "JOB_STATUS_CHANGE", "data": {"id": "j", "status": "created"}},
    {"event": "JOB_STATUS_CHANGE", "data": {"id": "j", "status": "running"}},
    {
        "event": "BLOCK_JOB_COMPLETED",
        "data": {"device": "j", "type": "backup", "offset": 1, "len": 1, "speed": 0},
    },
)
NO_NEWS_OF_JOBS = (
    {"event": "BLOCK_JOB_ERROR", "data": {"device": "j", "operation": "read", "action": "ignore"}},
    {"event": "BLOCK_WRITE_THRESHOLD", "data": {"node-name": "n", "amount-exceeded": 1}},
    {"event": "BLOCK_IO_ERROR", "data": {"device": "d", "action": "report"}},
    {"event": "RTC_CHANGE", "data": {"offset": 78}},
    {"event": "SHUTDOWN", "data": {"guest": True}},
)


class Fed:
    """A state that is fed events, and how often it told that something may be different."""

    def __init__(self) -> None:
        self.told = 0
        self.state = VmState("monitor", Pace(), self._tell)
        self.state._inventory = Inventory(devices=(Device(key="d"),))
        self.state.disks_changed()
        for said in RUNNING:
            self.feed(said)

    def _tell(self) -> None:
        self.told += 1

    def feed(self, said: dict[str, Any]) -> None:
        self.state.on_event(QmpEvent.model_validate(said))


@pytest.mark.parametrize("said", NO_NEWS_OF_JOBS, ids=lambda said: said["event"])
def test_an_event_that_is_no_news_of_a_job_costs_no_picture_and_is_told(
    said: dict[str, Any],
) -> None:
    fed = Fed()
    before, told, total = fed.state.snapshot, fed.told, fed.state.events.total
    assert [job.id for job in before.jobs] == ["j"]
    fed.feed(said)
    assert fed.state.snapshot is before
    assert (fed.told, fed.state.events.total) == (told + 1, total + 1)


def test_news_of_a_job_is_in_the_picture_at_once_and_the_disks_are_as_they_were() -> None:
    fed = Fed()
    before = fed.state.snapshot
    error = {"device": "j", "operation": "write", "action": "stop"}
    fed.feed({"event": "BLOCK_JOB_ERROR", "data": error})
    after = fed.state.snapshot
    assert (before.jobs[0].paused, after.jobs[0].paused) == (False, True)
    assert after.devices is before.devices
    fed.feed({"event": "JOB_STATUS_CHANGE", "data": {"id": "j", "status": "concluded"}})
    assert fed.state.snapshot.jobs[0].outcome is Outcome.SUCCEEDED


def test_that_the_guest_stops_and_goes_on_is_in_the_picture_at_once() -> None:
    fed = Fed()
    for name, stopped in (("STOP", True), ("RESUME", False)):
        fed.feed({"event": name})
        assert (fed.state.snapshot.stopped_since is not None) is stopped


def test_what_else_changed_is_not_forgotten_for_an_event_that_is_no_news() -> None:
    fed = Fed()
    before = fed.state.snapshot
    fed.state.changed()
    fed.feed(NO_NEWS_OF_JOBS[0])
    assert fed.state.snapshot is not before


def test_disks_are_made_anew_only_where_something_may_be_new_of_them() -> None:
    fed = Fed()
    before = fed.state.snapshot
    fed.state.changed()
    assert fed.state.snapshot is not before
    assert fed.state.snapshot.devices is before.devices
    fed.state.io.writes.recall("d", 1.5, None)
    fed.state.disks_changed()
    (disk,) = fed.state.snapshot.devices
    assert disk.writes.before == 1.5
