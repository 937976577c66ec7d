"""What a backup onto a slow target costs its guest is seen."""

from pathlib import Path

from tests.guest import MIB, booted, guest_disk
from tests.qemu import QemuStarter
from tests.worker.watching import until, worker_of
from tui.vm.snapshot import Device
from tui.widgets.job_rows import describe_job

SLOW = (
    *("-object", "throttle-group,id=slow,x-iops-total=8"),
    *("-blockdev", f"null-co,node-name=nowhere,size={16 * MIB}"),
    *("-blockdev", "throttle,node-name=target,throttle-group=slow,file=nowhere"),
)


async def test_writes_that_wait_for_the_target_are_told_of(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw")), *SLOW)
    await vm.qmp("cont")
    async with worker_of(vm) as worker:

        def disk() -> Device:
            (device,) = (d for d in worker.snapshot.devices if d.device == "d0")
            return device

        await until(worker, lambda: disk().write_wait_before is not None)
        await vm.qmp("blockdev-backup", job_id="slow", device="d0", target="target", sync="none")
        before = disk().write_wait_before
        assert before is not None

        def harmed() -> bool:
            wait = disk().write_wait
            return wait is not None and wait > 4 * before

        await until(worker, harmed)
        told = describe_job(worker.snapshot.job("slow"), 0.0, disk()).plain
        assert "times as long as before this job" in told
