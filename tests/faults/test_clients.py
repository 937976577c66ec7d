"""Other clients of the same QEMU: they cancel our backup, and their own jobs come and go."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.faults.scene import WAYS, disk_works, graph, is_clean, wanted
from tests.qemu import QemuStarter, Vm
from tests.waiting import until as until_true
from tests.worker.disks import MIB, drive, null, pattern, same
from tests.worker.watching import J, ended, until, worker_of, written
from tui.backup.way import Way
from tui.vm.job import Outcome
from tui.vm.trouble import find_trouble
from tui.vm.verbs import Act, Verb
from tui.worker import VmWorker

CANCELS: dict[str, tuple[str, dict[str, Any]]] = {
    "block-job-cancel": ("block-job-cancel", {"device": J}),
    "by force": ("block-job-cancel", {"device": J, "force": True}),
    "job-cancel": ("job-cancel", {"id": J}),
}


async def is_cancelled_by_another(worker: VmWorker, history: Path) -> None:
    """So it is told, everywhere."""
    job = await ended(worker)
    assert (job.outcome, job.detail) == (Outcome.CANCELLED, "by another client")
    await until_true(history.exists)
    (line,) = written(history)
    assert (line["outcome"], line["detail"]) == ("cancelled", "by another client")
    assert find_trouble(await worker.refresh()) is None


class Start(Protocol):
    """Starts it."""

    async def __call__(self, state: str, **more: Any) -> tuple[Vm, VmWorker, Path]:
        """Wait until it is in a state; the VM, who watches it, and where its end is noted."""


@pytest.fixture(params=WAYS)
async def backed_up(
    request: pytest.FixtureRequest, qemu: QemuStarter, tmp_path: Path
) -> AsyncIterator[Start]:
    """Starts a backup of a VM's disk, either way; when the test is over nothing of it is left."""
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    await vm.qmp("cont")
    before, history = await graph(vm), tmp_path / "history"
    async with worker_of(vm, history) as worker:

        async def start(state: str, **more: Any) -> tuple[Vm, VmWorker, Path]:
            await worker.start(wanted(tmp_path, **more), way=request.param)
            await until(worker, lambda: (j := worker.snapshot.job(J)) and j.state == state)
            return vm, worker, history

        yield start
        await is_clean(vm, before)
        await disk_works(vm)


@pytest.mark.parametrize("cancel", CANCELS.values(), ids=CANCELS)
async def test_our_running_backup_is_cancelled_by_another(
    backed_up: Start, cancel: tuple[str, dict[str, Any]]
) -> None:
    vm, worker, history = await backed_up("running", speed=64 << 10)
    await vm.qmp(*cancel)
    await is_cancelled_by_another(worker, history)


async def test_our_paused_backup_is_cancelled_by_another(backed_up: Start) -> None:
    vm, worker, history = await backed_up("running", speed=64 << 10)
    await worker.act(J, Act(Verb.PAUSE))
    await until(worker, lambda: (j := worker.snapshot.job(J)) and j.paused)
    await vm.qmp("block-job-cancel", device=J, force=True)
    await is_cancelled_by_another(worker, history)


async def test_our_pending_backup_is_cancelled_by_another(backed_up: Start) -> None:
    vm, worker, history = await backed_up("pending", auto_finalize=False)
    await vm.qmp("job-cancel", id=J)
    await is_cancelled_by_another(worker, history)


async def test_both_cancel_at_once_and_one_is_told(backed_up: Start) -> None:
    vm, worker, history = await backed_up("running", speed=64 << 10)
    ways = (worker.cancel(J), vm.qmp("block-job-cancel", device=J, force=True))
    await asyncio.gather(*ways, return_exceptions=True)
    job = await ended(worker)
    assert job.outcome is Outcome.CANCELLED
    assert job.detail in ("by us", "by another client")
    await until_true(history.exists)
    assert [line["detail"] for line in written(history)] == [job.detail]


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
        await until(worker, lambda: (j := worker.snapshot.job(J)) and j.state == "running")
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
