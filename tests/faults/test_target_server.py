"""The server of a backup's target dies, or stops, in the middle of it."""

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.scene import WAYS, Scene, graph, is_clean, stopped_by_error, wanted
from tests.faults.server import TargetServer, add_target_nodes, target_server
from tests.faults.test_qemu import halted
from tests.guest import booted, guest_disk
from tests.qemu import QemuStarter
from tests.waiting import until as until_true
from tests.worker.disks import MIB
from tests.worker.test_rescue import goes_on
from tests.worker.watching import BRISK, J, ended, until, worker_of, written
from tui.backup.way import Way
from tui.vm.job import Outcome
from tui.vm.target_nodes import target_nodes
from tui.vm.trouble import find_trouble
from tui.widgets.care_rows import stall_words

SIZE = 8 * MIB


@contextlib.asynccontextmanager
async def backup_to_a_server(
    qemu: QemuStarter, directory: Path, way: Way, werror: str, **more: Any
) -> AsyncIterator[tuple[Scene, TargetServer]]:
    """A guest whose backup goes to a server, and has come some way."""
    vm = await qemu(*booted(guest_disk(directory / "disk.raw", SIZE), werror=werror))
    await vm.qmp("cont")
    server = await target_server(qemu, SIZE)
    before = await graph(vm)
    history = directory / "history"
    served = {"target": server.target, "mode": "existing", "format": "raw", "speed": 64 << 10}
    arguments = wanted(directory, **served, **more)
    if way is Way.BLOCKDEV:
        # As a BlockDeck starts it that is gone now: it makes no nodes of a server itself.
        top, bottom = target_nodes(J)
        await add_target_nodes(vm, server, top, bottom)
        unlike = ("format", "mode")
        given = {name: value for name, value in arguments.items() if name not in unlike}
        await vm.qmp("blockdev-backup", {**given, "target": top})
    async with worker_of(vm, history, BRISK._replace(create=2.0)) as worker:
        if way is Way.DRIVE:
            await worker.start(arguments)
        await until(worker, lambda: (j := worker.snapshot.job(J)) and j.offset > 0)
        yield Scene(vm, worker, before, history), server


async def is_over(scene: Scene, outcome: Outcome, detail: str) -> None:
    """The outcome is this one, nothing is left of the backup, and the guest writes."""
    job = await ended(scene.worker)
    assert (job.outcome, job.detail) == (outcome, detail)
    await until_true(scene.history.exists)
    assert [line["outcome"] for line in written(scene.history)] == [outcome.value]
    await is_clean(scene.vm, scene.before)
    await until(scene.worker, lambda: find_trouble(scene.worker.snapshot) is None)
    await goes_on(scene.vm)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("policy", ["report", "enospc", "auto"])
async def test_a_backup_without_a_server_fails_and_its_guest_writes_on(
    qemu: QemuStarter, tmp_path: Path, way: Way, policy: str
) -> None:
    backup = backup_to_a_server(qemu, tmp_path, way, "report", on_target_error=policy)
    async with backup as (scene, server):
        await server.vm.kill()
        await scene.vm.qmp("block-job-set-speed", device=J, speed=0)
        await is_over(scene, Outcome.FAILED, "Input/output error")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("policy", ["stop", "ignore"])
async def test_a_backup_that_outlives_its_server_can_be_cancelled(
    qemu: QemuStarter, tmp_path: Path, way: Way, policy: str
) -> None:
    backup = backup_to_a_server(qemu, tmp_path, way, "report", on_target_error=policy)
    async with backup as (scene, server):
        await server.vm.kill()
        await scene.vm.qmp("block-job-set-speed", device=J, speed=0)
        if policy == "stop":
            await stopped_by_error(scene.worker, "failed")
        await until(scene.worker, lambda: "BLOCK_JOB_ERROR" in names(scene))
        await scene.worker.cancel(J)
        await is_over(scene, Outcome.CANCELLED, "by us")


@pytest.mark.parametrize("way", WAYS)
async def test_a_guest_that_waits_for_a_dead_server_is_rescued(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    async with backup_to_a_server(qemu, tmp_path, way, "stop") as (scene, server):
        await scene.vm.qmp("block-job-set-speed", device=J, speed=1)
        await server.vm.kill()
        trouble = await until(scene.worker, lambda: find_trouble(scene.worker.snapshot))
        assert trouble is not None
        assert (trouble.no_space, [job.id for job in trouble.jobs]) == (False, [J])
        await scene.worker.rescue(trouble, lambda _: None)
        await is_over(scene, Outcome.CANCELLED, "by us")


@pytest.mark.parametrize("way", WAYS)
async def test_a_server_that_stops_answering_is_told_of(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    async with backup_to_a_server(qemu, tmp_path, way, "stop") as (scene, server):
        with halted(server.vm.pid):
            await scene.vm.qmp("block-job-set-speed", device=J, speed=0)
            await until_true(lambda: told(scene), within=60)
            vm = scene.worker.snapshot
            assert (vm.run_state, find_trouble(vm)) == ("running", None)
            words = told(scene)
            assert words is not None
            assert "does not answer, and writes of the guest wait for it" in words
            # It is answered at once, and done when the server is back.
            await scene.worker.cancel(J)
        await is_over(scene, Outcome.CANCELLED, "by us")
        assert told(scene) is None


def told(scene: Scene) -> str | None:
    """What the operator is told of a job that stands still."""
    return stall_words(scene.worker.snapshot, time.monotonic())


def names(scene: Scene) -> set[str]:
    """The events so far."""
    return {record.name for record in scene.worker.events.since(0)}
