"""What can be done to a job: the table of verbs says what QEMU does."""

from collections.abc import Awaitable, Callable

import pytest

from tests.qemu import QemuStarter, Vm
from tests.waiting import until_answered
from tests.worker.watching import until, worker_of
from tui.qmp.errors import CommandRefused
from tui.vm.job import Job
from tui.vm.verbs import Act, Verb, hindrance
from tui.worker import VmWorker

MIB = 1 << 20
J = "nightly"
Making = Callable[[Vm], Awaitable[None]]
NODES = (
    *("-blockdev", f"null-co,node-name=disk,read-zeroes=on,size={4 * MIB}"),
    *("-blockdev", f"null-co,node-name=copy,read-zeroes=on,size={4 * MIB}"),
    *("-blockdev", f"null-co,node-name=disk2,read-zeroes=on,size={4 * MIB}"),
    *("-blockdev", f"null-co,node-name=copy2,read-zeroes=on,size={4 * MIB}"),
)
_BACKUP = {"job-id": J, "device": "disk", "target": "copy", "sync": "full", "auto-dismiss": False}
_MIRROR = {"job-id": J, "device": "disk", "target": "copy", "sync": "full", "auto-dismiss": False}


async def is_in(vm: Vm, status: str) -> None:
    """Wait for the state of the job."""

    async def look() -> bool:
        return any(j["id"] == J and j["status"] == status for j in await vm.qmp("query-jobs"))

    await until_answered(look)


async def running(vm: Vm) -> None:
    """A backup that takes its time."""
    await vm.qmp("blockdev-backup", _BACKUP, speed=64 * 1024)


async def paused(vm: Vm) -> None:
    """One that its operator paused."""
    await running(vm)
    await vm.qmp("job-pause", id=J)
    await is_in(vm, "paused")


async def pending(vm: Vm) -> None:
    """One that waits to be finalized."""
    await vm.qmp("blockdev-backup", _BACKUP, auto_finalize=False)
    await is_in(vm, "pending")


async def waiting(vm: Vm) -> None:
    """One that waits for another of its group."""
    other = {**_BACKUP, "job-id": "other", "device": "disk2", "target": "copy2", "speed": 1}
    actions = [{"type": "blockdev-backup", "data": data} for data in (_BACKUP, other)]
    await vm.qmp("transaction", actions=actions, properties={"completion-mode": "grouped"})
    await is_in(vm, "waiting")


async def concluded(vm: Vm) -> None:
    """One that is over and kept."""
    await vm.qmp("blockdev-backup", _BACKUP)
    await is_in(vm, "concluded")


async def ready(vm: Vm) -> None:
    """A mirror that has caught up."""
    await vm.qmp("blockdev-mirror", _MIRROR)
    await is_in(vm, "ready")


async def standby(vm: Vm) -> None:
    """A mirror that has caught up, and was paused."""
    await ready(vm)
    await vm.qmp("job-pause", id=J)
    await is_in(vm, "standby")


async def mirroring(vm: Vm) -> None:
    """A mirror that is under way."""
    await vm.qmp("blockdev-mirror", _MIRROR, speed=64 * 1024)


MAKINGS = (running, paused, pending, waiting, concluded, ready, standby, mirroring)


# Cancelled softly a backup is cancelled all the same. In QEMU 6 and later a mirror that is paused
# would complete when it is resumed.
NOT_OFFERED = {
    *((make, Verb.SOFT_CANCEL) for make in (running, mirroring, pending, waiting)),
    (standby, Verb.COMPLETE),
}


async def seen(worker: VmWorker) -> Job:
    """The job as BlockDeck sees it; what another client does can take a look to be seen."""
    await worker.refresh()
    job = await until(worker, lambda: worker.snapshot.job(J))
    assert job is not None
    return job


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("make", MAKINGS)
async def test_a_verb_is_offered_exactly_where_qemu_takes_it(
    qemu: QemuStarter, make: Making, verb: Verb
) -> None:
    vm = await qemu(*NODES)
    await make(vm)
    async with worker_of(vm) as worker:
        schema = worker.schema
        assert schema is not None
        why = hindrance(verb, await seen(worker), schema.has_command)
        if not schema.has_command("block-job-change") and verb is Verb.CHANGE:
            assert why == "this QEMU has no block-job-change"
            return
        accepted = True
        try:
            await worker.act(J, Act(verb, speed=2 * MIB))
        except CommandRefused:
            accepted = False
        assert accepted is (why is None) or (why and (make, verb) in NOT_OFFERED), why
