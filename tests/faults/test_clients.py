"""Other clients of the same QEMU: they cancel our backup, and their own jobs come and go."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.faults.scene import WAYS, disk_works, graph, is_clean, wanted
from tests.qemu import QemuStarter, Vm
from tests.waiting import until as until_true
from tests.worker.disks import MIB, drive, null, pattern, same
from tests.worker.watching import J, ended, until, worker_of, written
from tui.backup.way import Way
from tui.vm.snapshot import Outcome
from tui.vm.trouble import find_trouble
from tui.vm.verbs import Act, Verb
from tui.worker import VmWorker

CANCELS: dict[str, tuple[str, dict[str, Any]]] = {
    "block-job-cancel": ("block-job-cancel", {"device": J}),
    "by force": ("block-job-cancel", {"device": J, "force": True}),
    "job-cancel": ("job-cancel", {"id": J}),
}


async def in_state(worker: VmWorker, state: str) -> None:
    """Wait until the backup is in a state."""
    await until(worker, lambda: (j := worker.snapshot.job(J)) and j.state == state)


async def is_cancelled_by_another(vm: Vm, worker: VmWorker, history: Path) -> None:
    """So it is told, everywhere."""
    job = await ended(worker)
    assert (job.outcome, job.detail) == (Outcome.CANCELLED, "by another client")
    await until_true(history.exists)
    (line,) = written(history)
    assert (line["outcome"], line["detail"]) == ("cancelled", "by another client")
    assert find_trouble(await worker.refresh()) is None
    await disk_works(vm)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cancel", CANCELS.values(), ids=CANCELS)
async def test_our_running_backup_is_cancelled_by_another(
    qemu: QemuStarter, tmp_path: Path, way: Way, cancel: tuple[str, dict[str, Any]]
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    await vm.qmp("cont")
    before, history = await graph(vm), tmp_path / "history"
    async with worker_of(vm, history) as worker:
        await worker.start(wanted(tmp_path, speed=64 << 10), way=way)
        await in_state(worker, "running")
        await vm.qmp(*cancel)
        await is_cancelled_by_another(vm, worker, history)
        await is_clean(vm, before)


@pytest.mark.parametrize("way", WAYS)
async def test_our_paused_backup_is_cancelled_by_another(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    await vm.qmp("cont")
    before, history = await graph(vm), tmp_path / "history"
    async with worker_of(vm, history) as worker:
        await worker.start(wanted(tmp_path, speed=64 << 10), way=way)
        await in_state(worker, "running")
        await worker.act(J, Act(Verb.PAUSE))
        await until(worker, lambda: (j := worker.snapshot.job(J)) and j.paused)
        await vm.qmp("block-job-cancel", device=J, force=True)
        await is_cancelled_by_another(vm, worker, history)
        await is_clean(vm, before)


@pytest.mark.parametrize("way", WAYS)
async def test_our_pending_backup_is_cancelled_by_another(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    await vm.qmp("cont")
    before, history = await graph(vm), tmp_path / "history"
    async with worker_of(vm, history) as worker:
        await worker.start(wanted(tmp_path, auto_finalize=False), way=way)
        await in_state(worker, "pending")
        await vm.qmp("job-cancel", id=J)
        await is_cancelled_by_another(vm, worker, history)
        await is_clean(vm, before)


@pytest.mark.parametrize("way", WAYS)
async def test_both_cancel_at_once_and_one_is_told(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    await vm.qmp("cont")
    before, history = await graph(vm), tmp_path / "history"
    async with worker_of(vm, history) as worker:
        await worker.start(wanted(tmp_path, speed=64 << 10), way=way)
        await in_state(worker, "running")
        ways = (worker.cancel(J), vm.qmp("block-job-cancel", device=J, force=True))
        await asyncio.gather(*ways, return_exceptions=True)
        job = await ended(worker)
        assert job.outcome is Outcome.CANCELLED
        assert job.detail in ("by us", "by another client")
        await until_true(history.exists)
        assert [line["detail"] for line in written(history)] == [job.detail]
        await is_clean(vm, before)
        await disk_works(vm)


@pytest.mark.parametrize("way", WAYS)
async def test_jobs_of_others_end_during_ours_and_change_nothing_of_it(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    broken = "if=none,id=bad,driver=blkdebug,image.driver=null-co,image.size=1048576"
    rule = "inject-error.0.event=none,inject-error.0.iotype=read,inject-error.0.errno=5"
    vm = await qemu(
        *drive(pattern(tmp_path / "d.raw")),
        *null(MIB, name="d1"),
        *null(64 * MIB, name="d2"),
        *("-drive", f"{broken},{rule},inject-error.0.sector=0"),
    )
    await vm.qmp("cont")
    before, history = await graph(vm), tmp_path / "history"
    async with worker_of(vm, history) as worker:
        await worker.start(wanted(tmp_path, speed=64 << 10), way=way)
        await in_state(worker, "running")
        for device, job_id in (("d1", "good"), ("d2", "stopped"), ("bad", "bad")):
            theirs = wanted(tmp_path, target=str(tmp_path / job_id), auto_dismiss=True)
            slow = {"speed": 1 << 10} if job_id == "stopped" else {}
            await vm.qmp("drive-backup", {**theirs, "device": device, "job-id": job_id, **slow})
        await until(worker, lambda: worker.snapshot.job("stopped"))
        await vm.qmp("block-job-cancel", device="stopped")
        fates = {
            "good": (Outcome.SUCCEEDED, ""),
            "stopped": (Outcome.CANCELLED, "by another client"),
            "bad": (Outcome.FAILED, "Input/output error"),
        }
        for job_id, fate in fates.items():
            job = await ended(worker, job_id)
            assert (job.ours, job.outcome, job.detail) == (False, *fate)
        assert worker.snapshot.live_jobs == (worker.snapshot.job(J),)
        await until_true(lambda: history.exists() and len(written(history)) == len(fates))
        told = {line["job"]: (line["outcome"], line["detail"]) for line in written(history)}
        assert told == fates
        await vm.qmp("block-job-set-speed", device=J, speed=0)
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED
        await until_true(lambda: len(written(history)) > len(fates))
        ours = [(line["job"], line["outcome"]) for line in written(history) if line["ours"]]
        assert ours == [(J, "succeeded")]
        await is_clean(vm, before)
        assert same(tmp_path / "target.qcow2", tmp_path / "d.raw")
        await disk_works(vm)
