"""Faults of source and target, under every `on-source-error` and `on-target-error`, by both ways.

No guest writes here: the job alone meets the fault.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.faults.scene import (
    BROKEN_SOURCE,
    BROKEN_TARGET,
    FAULTS,
    FULL,
    POLICIES,
    WAYS,
    Fault,
    Scene,
    disk_works,
    is_clean,
    meeting,
    stopped_by_error,
)
from tests.qemu import QemuStarter
from tests.small import grow
from tests.waiting import until as until_true
from tests.worker.disks import MIB, same
from tests.worker.watching import J, ended, until, written
from tui.backup.way import Way
from tui.vm.job import Outcome
from tui.vm.trouble import find_trouble
from tui.vm.verbs import Act, Verb

OTHER_SIDE = {"source": "on_target_error", "target": "on_source_error"}
ENOUGH = 20
"""Errors after which a job that ignores them is seen to have ignored some."""


async def over_and_clean(scene: Scene, outcome: Outcome, detail: str) -> None:
    """The outcome is this one, wherever it is told; and nothing else has changed."""
    job = await ended(scene.worker)
    assert (job.outcome, job.detail) == (outcome, detail)
    # A QEMU 5.2 has to be let forget a job before it closes its target.
    await until_true(scene.history.exists)
    (line,) = written(scene.history)
    assert (line["job"], line["outcome"], line["detail"]) == (J, outcome.value, detail)
    await is_clean(scene.vm, scene.before)
    await disk_works(scene.vm)
    vm = await scene.worker.refresh()
    assert find_trouble(vm) is None
    assert vm.live_jobs == ()
    (device,) = (device for device in vm.devices if device.device == "d0")
    assert (device.jobs, device.busy_with, device.obstacle) == ((), None, None)


def errors(scene: Scene) -> int:
    """How many errors the job has met so far."""
    return sum(r.times for r in scene.worker.events.since(0) if r.name == "BLOCK_JOB_ERROR")


async def errors_are_ignored(scene: Scene) -> None:
    """The job tries again and again, and nothing comes of it."""

    await until(scene.worker, lambda: errors(scene) >= ENOUGH)
    await scene.worker.refresh()
    assert scene.job.live
    assert scene.job.state == "running"
    assert scene.job.fraction is None or scene.job.fraction < 1


async def goes_as_the_policy_says(scene: Scene, fault: Fault, fate: str) -> None:
    """Whatever the policy, the guest is not concerned and the backup can be got rid of."""
    if fate == "failed":
        await over_and_clean(scene, Outcome.FAILED, fault.error)
        return
    if fate == "paused":
        job = await stopped_by_error(scene.worker, fault.io_status)
        assert (job.outcome, job.eta) == (None, None)
    else:
        await errors_are_ignored(scene)
    assert (await scene.vm.qmp("query-status"))["status"] == "running"
    await scene.worker.cancel(J)
    await over_and_clean(scene, Outcome.CANCELLED, "by us")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_the_policy_of_its_own_side_decides(
    qemu: QemuStarter, tmp_path: Path, fault: Fault, policy: str, way: Way
) -> None:
    policies = {f"on_{fault.side}_error": policy}
    async with meeting(fault, way, qemu, tmp_path, **policies) as scene:
        await goes_as_the_policy_says(scene, fault, fault.fate(policy))


@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy != "report"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_the_policy_of_the_other_side_has_no_say(
    qemu: QemuStarter, tmp_path: Path, fault: Fault, policy: str
) -> None:
    policies: dict[str, Any] = {OTHER_SIDE[fault.side]: policy, f"on_{fault.side}_error": "report"}
    async with meeting(fault, Way.DRIVE, qemu, tmp_path, **policies) as scene:
        await over_and_clean(scene, Outcome.FAILED, fault.error)


@pytest.mark.parametrize("way", WAYS)
async def test_with_room_made_a_stopped_backup_goes_on_and_is_whole(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    async with meeting(FULL, way, qemu, tmp_path, on_target_error="stop") as scene:
        await stopped_by_error(scene.worker, "nospace")
        # Without room it stops once more.
        await scene.worker.act(J, Act(Verb.RESUME))
        await stopped_by_error(scene.worker, "nospace")
        grow(tmp_path / "small", 64 * MIB)
        await scene.worker.act(J, Act(Verb.RESUME))
        assert (await ended(scene.worker)).outcome is Outcome.SUCCEEDED
        await is_clean(scene.vm, scene.before)
        assert same(tmp_path / "small/target.qcow2", tmp_path / "disk.raw")


@pytest.mark.parametrize("fault", [BROKEN_SOURCE, BROKEN_TARGET], ids=["source", "target"])
async def test_a_fault_that_stays_stops_a_resumed_backup_again(
    qemu: QemuStarter, tmp_path: Path, fault: Fault
) -> None:
    policies = {f"on_{fault.side}_error": "stop"}
    async with meeting(fault, Way.DRIVE, qemu, tmp_path, **policies) as scene:
        await stopped_by_error(scene.worker, "failed")
        before = errors(scene)
        await scene.worker.act(J, Act(Verb.RESUME))
        await until(scene.worker, lambda: errors(scene) > before)
        await stopped_by_error(scene.worker, "failed")
        await scene.worker.cancel(J)
        await over_and_clean(scene, Outcome.CANCELLED, "by us")
