"""A guest that a backup stops, and how it gets going again."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.guest import MIB, booted, guest_disk
from tests.qemu import QemuStarter, Vm
from tests.small import grow, small_filesystem
from tests.waiting import until_answered
from tests.worker.watching import J, ended, into, until, worker_of
from tui.vm.job import Outcome
from tui.vm.trouble import Trouble, describe, find_trouble
from tui.worker import VmWorker
from tui.worker.rescue import RescueFailed

ROOM = 2 * MIB


backup = partial(into, speed=1)
"""One that is much slower than the guest, onto what is too small for it."""


@contextlib.asynccontextmanager
async def stopped_guest(
    qemu: QemuStarter, tmp_path: Path, **more: Any
) -> AsyncIterator[tuple[Vm, VmWorker, Trouble]]:
    """A guest that waits for the target of a backup, which is full."""
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw")))
    await vm.qmp("cont")
    with small_filesystem(tmp_path / "small", ROOM) as small:
        async with worker_of(vm) as worker:
            await worker.start(backup(small, **more))
            trouble = await until(worker, lambda: find_trouble(worker.snapshot))
            assert trouble is not None
            yield vm, worker, trouble


async def writes(vm: Vm) -> int:
    """How many writes of the guest are done."""
    (device,) = await vm.qmp("query-blockstats")
    return int(device["stats"]["wr_operations"])


async def goes_on(vm: Vm) -> None:
    """The guest runs, and writes."""
    assert (await vm.qmp("query-status"))["status"] == "running"
    before = await writes(vm)

    async def wrote() -> bool:
        return await writes(vm) > before + 5

    await until_answered(wrote)


@pytest.mark.parametrize("policy", ["report", "enospc", "stop", "ignore"])
async def test_the_backup_is_blamed_though_its_job_looks_well(
    qemu: QemuStarter, tmp_path: Path, policy: str
) -> None:
    async with stopped_guest(qemu, tmp_path, on_target_error=policy) as (vm, worker, trouble):
        assert [job.id for job in trouble.jobs] == [J]
        assert trouble.no_space
        assert trouble.disks == ("d0",)
        assert describe(trouble) == (
            f"The guest is STOPPED: a write to d0 had to wait for {J}, and the backup's target is "
            "full."
        )
        job = worker.snapshot.job(J)
        assert job is not None
        assert job.live
        steps: list[str] = []
        await worker.rescue(trouble, steps.append)
        assert steps[0] == f"cancelling {J}"
        assert steps[-1] == "the guest runs"
        await goes_on(vm)
        job = await ended(worker)
        assert (job.outcome, job.detail) == (Outcome.CANCELLED, "by us")
        await until(worker, lambda: find_trouble(worker.snapshot) is None)
        names = [node["node-name"] for node in await vm.qmp("query-named-block-nodes")]
        assert len(names) == 2


async def test_without_room_the_guest_stops_again_and_that_is_said(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    async with stopped_guest(qemu, tmp_path) as (vm, worker, trouble):
        with pytest.raises(RescueFailed, match="stopped again"):
            await worker.go_on(trouble, lambda _: None)
        assert (await vm.qmp("query-status"))["status"] == "io-error"
        assert await vm.qmp("query-jobs")


async def test_after_room_was_made_both_go_on(qemu: QemuStarter, tmp_path: Path) -> None:
    async with stopped_guest(qemu, tmp_path, on_target_error="stop") as (vm, worker, trouble):
        grow(tmp_path / "small", 64 * MIB)
        await worker.go_on(trouble, lambda _: None)
        await goes_on(vm)
        await vm.qmp("block-job-set-speed", device=J, speed=0)
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED


async def until_halted(vm: Vm) -> None:
    """The target's failure has reached the job, too."""

    async def halted() -> bool:
        (job,) = await vm.qmp("query-block-jobs")
        return (job["paused"], job["io-status"]) == (True, "nospace")

    await until_answered(halted)


async def both_go_on(vm: Vm, worker: VmWorker, trouble: Trouble, tmp_path: Path) -> None:
    """Once there is room for them, and the backup comes to its end."""
    grow(tmp_path / "small", 64 * MIB)
    await worker.go_on(trouble, lambda _: None)
    await goes_on(vm)
    assert (await ended(worker)).outcome is Outcome.SUCCEEDED


async def test_a_backup_that_halts_while_one_looks_goes_on_too(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    policy = {"on_target_error": "stop", "speed": 8 * MIB}
    async with stopped_guest(qemu, tmp_path, **policy) as (vm, worker, trouble):
        await until_halted(vm)
        # As it was when the guest had stopped, and the job not yet.
        before = tuple(replace(job, paused=False, io_status="ok") for job in trouble.jobs)
        await both_go_on(vm, worker, trouble._replace(jobs=before), tmp_path)


async def test_a_backup_goes_on_when_there_is_room_at_the_second_try(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    policy = {"on_target_error": "stop", "speed": 8 * MIB}
    async with stopped_guest(qemu, tmp_path, **policy) as (vm, worker, trouble):
        await until_halted(vm)
        with pytest.raises(RescueFailed, match="stopped again"):
            await worker.go_on(trouble, lambda _: None)
        await until_halted(vm)
        again = await until(worker, lambda: find_trouble(worker.snapshot))
        assert again is not None
        await both_go_on(vm, worker, again, tmp_path)


async def test_a_guest_that_its_operator_paused_is_in_no_trouble(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw")))
    await vm.qmp("cont")
    async with worker_of(vm) as worker:
        await worker.start(backup(tmp_path))
        await vm.qmp("stop")
        await until(worker, lambda: worker.snapshot.run_state == "paused")
        assert find_trouble(worker.snapshot) is None


async def test_a_backup_that_another_client_has_cancelled_is_no_hindrance(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    async with stopped_guest(qemu, tmp_path) as (vm, worker, trouble):
        await vm.qmp("block-job-cancel", device=J, force=True)
        await worker.rescue(trouble, lambda _: None)
        await goes_on(vm)
