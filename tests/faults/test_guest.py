"""A guest that writes while a backup's source or target fails: `werror` decides, never the policy.

What the guest overwrites is copied first; when that fails, so does its write.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.scene import (
    BROKEN_SOURCE,
    BROKEN_TARGET,
    FULL,
    POLICIES,
    WAYS,
    Fault,
    Scene,
    guest_meeting,
    is_clean,
)
from tests.qemu import QemuStarter, Vm
from tests.waiting import until as until_true
from tests.waiting import until_answered
from tests.worker.test_rescue import goes_on, writes
from tests.worker.watching import J, ended, until, written
from tui.backup.way import Way
from tui.history import History
from tui.vm.job import Outcome
from tui.vm.trouble import Failing, describe, describe_failing, find_failing, find_trouble

pytestmark = pytest.mark.slow


async def is_stopped_and_rescued(scene: Scene, told: str) -> None:
    """The guest is stopped, that is told, and the rescue leaves nothing of the backup."""
    trouble = await until(scene.worker, lambda: find_trouble(scene.worker.snapshot))
    assert trouble is not None
    assert (await scene.vm.qmp("query-status"))["status"] == "io-error"
    assert [job.id for job in trouble.jobs] == [J]
    assert describe(trouble) == f"The guest is STOPPED: a write to d0 had to wait for {J}, {told}"
    assert scene.job.state == "running"
    await scene.worker.rescue(trouble, lambda _: None)
    await is_cancelled_by_us(scene)


async def writes_on(scene: Scene) -> None:
    """The guest is told of errors, and goes on; so does the backup."""
    await until_answered(lambda: failed_writes(scene.vm))
    assert (await scene.vm.qmp("query-status"))["status"] == "running"
    await until(scene.worker, lambda: "BLOCK_IO_ERROR" in names(scene))
    vm = await scene.worker.refresh()
    assert find_trouble(vm) is None
    assert scene.job.live
    failing = await until(scene.worker, lambda: failing_now(scene))
    assert failing is not None
    assert (failing.disk, failing.job.id) == ("d0", J)
    assert 0 < failing.writes <= await failed_writes(scene.vm)
    assert "FAILED since blockdeck-j" in describe_failing(failing)
    before = await tries(scene.vm)

    async def tried() -> bool:
        return await tries(scene.vm) > before + 5

    await until_answered(tried)
    await scene.worker.cancel(J)
    await is_cancelled_by_us(scene)
    assert failing_now(scene) is None
    (filed,) = History(scene.history).reports.newest()
    assert any("of the guest to d0 failed while it ran" in told for told in filed.report.warnings)


def failing_now(scene: Scene) -> Failing | None:
    """What is told of the guest's writes."""
    return find_failing(scene.worker.snapshot, time.monotonic())


async def is_cancelled_by_us(scene: Scene) -> None:
    """The outcome is true, the graph as before, and the guest writes without errors."""
    job = await ended(scene.worker)
    assert (job.outcome, job.detail) == (Outcome.CANCELLED, "by us")
    await until_true(scene.history.exists)
    assert [line["outcome"] for line in written(scene.history)] == ["cancelled"]
    await is_clean(scene.vm, scene.before)
    await until(scene.worker, lambda: find_trouble(scene.worker.snapshot) is None)
    failed = await failed_writes(scene.vm)
    await goes_on(scene.vm)
    assert await failed_writes(scene.vm) == failed


async def tries(vm: Vm) -> int:
    """How many writes the guest has tried."""
    return await writes(vm) + await failed_writes(vm)


async def failed_writes(vm: Vm) -> int:
    """How many writes of the guest have failed."""
    (device,) = await vm.qmp("query-blockstats")
    return int(device["stats"]["failed_wr_operations"])


def names(scene: Scene) -> set[str]:
    """The events so far."""
    return {record.name for record in scene.worker.events.since(0)}


async def full_target(qemu: QemuStarter, directory: Path, way: Way, **policies: str) -> None:
    """One guest that a full target stops, whatever the policies."""
    directory.mkdir()
    async with guest_meeting(FULL, way, qemu, directory, "enospc", **policies) as scene:
        await is_stopped_and_rescued(scene, "and the backup's target is full.")


@pytest.mark.parametrize("side", ["on_source_error", "on_target_error"])
@pytest.mark.parametrize("way", WAYS)
async def test_no_policy_saves_a_guest_from_a_full_target(
    qemu: QemuStarter, tmp_path: Path, way: Way, side: str
) -> None:
    async with asyncio.TaskGroup() as group:
        for policy in POLICIES:
            row = full_target(qemu, tmp_path / policy, way, **{side: policy})
            group.create_task(row, name=policy)


async def broken_side(
    fault: Fault, qemu: QemuStarter, directory: Path, way: Way, werror: str, policy: str
) -> None:
    """One guest that `werror` stops or not, whatever the policy for the broken side."""
    directory.mkdir()
    policies: dict[str, Any] = {f"on_{fault.side}_error": policy}
    async with guest_meeting(fault, way, qemu, directory, werror, **policies) as scene:
        if werror == "stop":
            await is_stopped_and_rescued(scene, "and its target or the disk is broken.")
        else:
            await writes_on(scene)


@pytest.mark.parametrize("werror", ["stop", "report"])
@pytest.mark.parametrize("fault", [BROKEN_SOURCE, BROKEN_TARGET], ids=["source", "target"])
@pytest.mark.parametrize("way", WAYS)
async def test_no_policy_saves_a_guest_from_a_broken_side(
    qemu: QemuStarter, tmp_path: Path, way: Way, fault: Fault, werror: str
) -> None:
    async with asyncio.TaskGroup() as group:
        for policy in POLICIES:
            row = broken_side(fault, qemu, tmp_path / policy, way, werror, policy)
            group.create_task(row, name=policy)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("fault", "werror", "told"),
    [
        (FULL, "stop", "and the backup's target is full."),
        (BROKEN_TARGET, "stop", "and its target or the disk is broken."),
        (BROKEN_SOURCE, "stop", "and its target or the disk is broken."),
    ],
    ids=["full", "broken target", "broken source"],
)
async def test_a_guest_that_is_to_stop_is_stopped_and_rescued(
    qemu: QemuStarter, tmp_path: Path, fault: Fault, werror: str, told: str, way: Way
) -> None:
    async with guest_meeting(fault, way, qemu, tmp_path, werror) as scene:
        await is_stopped_and_rescued(scene, told)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("fault", "werror"),
    [
        (FULL, "report"),
        (BROKEN_TARGET, "report"),
        (BROKEN_TARGET, "enospc"),
        (BROKEN_SOURCE, "report"),
        (BROKEN_SOURCE, "enospc"),
    ],
    ids=[
        "full",
        "broken target",
        "broken target, enospc",
        "broken source",
        "broken source, enospc",
    ],
)
async def test_a_guest_that_is_told_of_errors_writes_on(
    qemu: QemuStarter, tmp_path: Path, fault: Fault, werror: str, way: Way
) -> None:
    async with guest_meeting(fault, way, qemu, tmp_path, werror) as scene:
        await writes_on(scene)


@pytest.mark.parametrize("way", WAYS)
async def test_a_guest_stays_stopped_though_the_backup_has_failed(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    policies: dict[str, Any] = {"on_target_error": "report"}
    async with guest_meeting(FULL, way, qemu, tmp_path, "enospc", **policies) as scene:
        await until(scene.worker, lambda: find_trouble(scene.worker.snapshot))
        await scene.vm.qmp("block-job-set-speed", device=J, speed=0)
        job = await ended(scene.worker)
        assert (job.outcome, job.error) == (Outcome.FAILED, FULL.error)
        await is_clean(scene.vm, scene.before)
        await scene.worker.refresh()
        trouble = find_trouble(scene.worker.snapshot)
        assert trouble is not None
        assert describe(trouble) == (
            f"The guest is STOPPED: a write to d0 had to wait for {J}, and the backup's target is "
            "full. That backup has failed: the guest can go on."
        )
        await scene.worker.rescue(trouble, lambda _: None)
        await goes_on(scene.vm)
        await until(scene.worker, lambda: find_trouble(scene.worker.snapshot) is None)
