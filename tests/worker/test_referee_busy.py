"""No dry run meets a job of the same disk: QEMU 7.2 dies of it when the job ends meanwhile."""

import asyncio
from pathlib import Path

from tests.qemu import QemuStarter
from tests.worker.disks import MIB, drive, pattern
from tests.worker.watching import BRISK, backup, ended, until, worker_of
from tests.worker.wire import overhear
from tui.qmp.address import UnixAddress
from tui.vm.job import Outcome
from tui.worker import VmWorker

ROUNDS = 8
TRANSACTION = "transaction"


async def test_dry_runs_asked_for_around_a_start_leave_qemu_alive(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    async with worker_of(vm) as worker:
        for number in range(ROUNDS):
            arguments = {**backup(vm), "job-id": f"blockdeck-{number}"}
            start = asyncio.create_task(worker.start(arguments))
            later = {**arguments, "job-id": "blockdeck-later"}
            asked = [asyncio.create_task(worker.referee(later)) for _ in range(4)]
            await start
            asked += [asyncio.create_task(worker.referee(later)) for _ in range(4)]
            assert await asyncio.gather(*asked) == [None] * len(asked)
            job = await ended(worker, f"blockdeck-{number}")
            assert job.outcome is Outcome.SUCCEEDED
    assert (await vm.qmp("query-status"))["status"]


async def test_a_disk_that_another_client_backs_up_is_not_asked_about(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    second = drive(pattern(tmp_path / "e.raw"), name="d1")
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")), *second)
    async with (
        overhear(vm.monitor) as heard,
        VmWorker(UnixAddress(path=heard.path), pace=BRISK) as worker,
    ):
        await vm.qmp("drive-backup", {**backup(vm), "job-id": "theirs"}, speed=MIB // 4)
        await until(worker, lambda: worker.snapshot.job("theirs"))
        mine = {**backup(vm), "target": str(tmp_path / "mine.qcow2")}
        assert await worker.referee(mine) is None
        assert TRANSACTION not in heard.names()

        # Of another disk it may be asked, once it is known whose job it is.
        await until(worker, lambda: (job := worker.snapshot.job("theirs")) and job.device_key)
        assert await worker.referee({**mine, "device": "d1"}) is None
        assert TRANSACTION in heard.names()
        await vm.qmp("block-job-cancel", device="theirs", force=True)
