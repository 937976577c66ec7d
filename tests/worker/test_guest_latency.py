"""What a backup onto a slow target costs its guest is seen."""

import time
from pathlib import Path

from tests.guest import MIB, booted, guest_disk, reading_guest_disk
from tests.qemu import QemuStarter, Vm
from tests.worker.watching import BRISK, linked, running, until, worker_of
from tests.worker.wire import overhear
from tui.qmp.address import UnixAddress
from tui.vm.latency import SLOW_FACTOR, SLOW_SECONDS
from tui.vm.snapshot import Device, Link
from tui.widgets.alarm import Alarm, alarm_of
from tui.widgets.job_rows import describe_job
from tui.worker import VmWorker

JOB = "slow"


def slow_target(writes_a_second: int, size: int = 64 << 10) -> tuple[str, ...]:
    """The node `target`, which takes no more writes of so many bytes than that."""
    limits = f"x-iops-total={writes_a_second},x-iops-size={size}"
    return (
        *("-object", f"throttle-group,id=slow,{limits}"),
        *("-blockdev", f"null-co,node-name=nowhere,size={16 * MIB}"),
        *("-blockdev", "throttle,node-name=target,throttle-group=slow,file=nowhere"),
    )


def disk(worker: VmWorker) -> Device:
    """The guest's."""
    (device,) = (d for d in worker.snapshot.devices if d.device == "d0")
    return device


async def begin(vm: Vm, worker: VmWorker) -> float:
    """Begin a backup once it is known how long a write takes; returns that."""
    await until(worker, lambda: disk(worker).writes.before is not None)
    await vm.qmp("blockdev-backup", job_id=JOB, device="d0", target="target", sync="none")
    await until(worker, lambda: worker.snapshot.job(JOB))
    before = disk(worker).writes.before
    assert before is not None
    return before


def told(worker: VmWorker) -> str:
    """What the Jobs screen says of the job."""
    return describe_job(worker.snapshot.job(JOB), time.monotonic(), disk(worker)).plain


def alarm(worker: VmWorker) -> Alarm | None:
    """What every screen says of the VM."""
    return alarm_of(worker.snapshot, time.monotonic())


async def test_writes_that_wait_for_the_target_are_told_of(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw")), *slow_target(8))
    await vm.qmp("cont")
    async with worker_of(vm) as worker:
        before = await begin(vm, worker)

        def harmed() -> bool:
            wait = disk(worker).writes.now
            return wait is not None and wait > max(SLOW_FACTOR * before, SLOW_SECONDS)

        await until(worker, harmed)
        await until(worker, lambda: "times as long as before this job" in told(worker))
        assert "; it writes " in told(worker)
        found = await until(worker, lambda: alarm(worker))
        assert found is not None
        assert (found.sign, found.harm) == ("SLOW", False)
        assert found.words.startswith("Writes of the guest to d0 take ")
        assert found.words.endswith(" times as long as before slow.")
        await vm.qmp("block-job-cancel", device=JOB)
        await until(worker, lambda: alarm(worker) is None)


async def test_while_no_write_ends_at_all_the_screen_says_so(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw")), *slow_target(1, size=8 << 10))
    await vm.qmp("cont")
    async with worker_of(vm) as worker:
        await begin(vm, worker)
        seen = set()

        def at_last() -> bool:
            # At no look is nothing said of the guest.
            (words,) = (line for line in told(worker).split("\n") if line.startswith("guest"))
            seen.add(words.partition("; ")[0])
            assert "no write has ended" not in words or "; before this job one took" in words
            return (disk(worker).writes.last or 0.0) > 3

        await until(worker, at_last, within=60)
        assert any("no write has ended for" in words for words in seen), seen
        assert "times as long as before this job" in told(worker)


async def test_reads_are_told_of_too(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*booted(reading_guest_disk(tmp_path / "disk.raw")), *slow_target(8))
    await vm.qmp("cont")
    async with worker_of(vm) as worker:
        await until(worker, lambda: disk(worker).reads.before is not None)
        await vm.qmp("blockdev-backup", job_id=JOB, device="d0", target="target", sync="none")
        await until(worker, lambda: "a read takes" in told(worker))
        assert "a write takes" not in told(worker)
        limits = dict.fromkeys(("bps", "bps_rd", "bps_wr", "iops", "iops_wr"), 0)
        await vm.qmp("block_set_io_throttle", {**limits, "device": "d0", "iops_rd": 4})

        def slower() -> bool:
            factor = disk(worker).reads.factor
            return factor is not None and factor > 2

        await until(worker, slower)
        await until(worker, lambda: "times as long as before this job; it reads" in told(worker))


async def test_what_was_before_outlives_a_line_that_breaks(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw")), *slow_target(8))
    await vm.qmp("cont")
    async with overhear(vm.monitor) as line:
        worker = VmWorker(UnixAddress(path=line.path), pace=BRISK)
        async with running(worker):
            await linked(worker, Link.CONNECTED)
            before = await begin(vm, worker)
            line.cut()
            await linked(worker, Link.LOST)
            await linked(worker, Link.CONNECTED)
            ended = disk(worker).writes.ended
            await until(worker, lambda: disk(worker).writes.ended != ended)
            assert disk(worker).writes.before == before
