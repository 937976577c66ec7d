"""What is done for a backup while it runs: it ends before its target is full, and goes easy."""

from functools import partial
from pathlib import Path

import pytest

from tests.guest import MIB, booted, guest_disk, large_guest_disk
from tests.qemu import QemuStarter, Vm
from tests.small import grow, small_filesystem
from tests.worker.watching import J, ended, into, running, until, worker_of
from tui.vm.bound import Bound
from tui.vm.care import JobCare, Wishes
from tui.vm.job import Outcome
from tui.vm.space import Shortage
from tui.worker import Pace, VmWorker

GIB = 1024 * MIB
GUARD = Wishes(cancel_before_full=True)


backup = partial(into, speed=4 * MIB)
"""A backup of the guest's disk that takes its time."""


def care(worker: VmWorker) -> JobCare:
    """What is seen and done for the job."""
    job = worker.snapshot.job(J)
    return job.care if job is not None else JobCare()


async def runs(vm: Vm) -> bool:
    """Whether the guest runs."""
    return bool((await vm.qmp("query-status"))["status"] == "running")


async def test_the_room_for_a_target_is_seen_with_the_time_until_it_is_full(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw", 64 * MIB)))
    with small_filesystem(tmp_path / "small", 32 * MIB) as small:
        async with worker_of(vm) as worker:
            await worker.start(backup(small))
            space = await until(worker, lambda: care(worker).space)
            assert space is not None
            assert space.total == 32 * MIB
            await until(worker, lambda: (s := care(worker).space) and s.full_in is not None)
            space = care(worker).space
            assert space is not None
            assert space.fall == pytest.approx(4 * MIB, rel=0.5)
            assert space.shortage is Shortage.SOON
            # Somebody makes room.
            grow(small, 256 * MIB)
            await until(worker, lambda: (s := care(worker).space) and s.shortage is Shortage.NONE)


@pytest.mark.parametrize("by_us", [True, False], ids=["by us", "by another client"])
async def test_a_sparse_disk_whose_data_fit_is_no_cause_for_alarm(
    qemu: QemuStarter, tmp_path: Path, *, by_us: bool
) -> None:
    disk = guest_disk(tmp_path / "disk.raw", 16 * MIB)
    with disk.open("r+b") as image:
        image.truncate(GIB)
    vm = await qemu(*booted(disk))
    with small_filesystem(tmp_path / "small", 64 * MIB) as small:
        async with worker_of(vm) as worker:
            if by_us:
                await worker.start(backup(small))
            else:
                await until(worker, lambda: worker.snapshot.devices)
                arguments = backup(small)
                await vm.qmp("drive-backup", job_id=arguments.pop("job-id"), arguments=arguments)
            await until(worker, lambda: (s := care(worker).space) and s.full_in and s.likely)
            space = care(worker).space
            assert space is not None
            assert space.full_in is not None
            assert space.full_in < 120
            assert space.missing > 512 * MIB
            assert space.likely is not None
            assert space.likely < 18 * MIB
            assert space.shortage is Shortage.NONE


async def test_a_backup_ends_before_its_target_is_full_and_the_guest_never_stops(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw", 64 * MIB)))
    await vm.qmp("cont")
    with small_filesystem(tmp_path / "small", 32 * MIB) as small:
        async with worker_of(vm) as worker:
            await worker.start(backup(small), wishes=GUARD)
            job = await ended(worker)
            assert job.outcome is Outcome.CANCELLED
            assert job.detail.startswith("by us: the target's file system was about to be full, ")
            assert await runs(vm)
            # No write of the guest failed, and what was copied is left for its operator to remove.
            assert (small / "target.qcow2").stat().st_size > 8 * MIB
            assert not [e for e in worker.events.since(0) if e.name == "BLOCK_IO_ERROR"]


async def test_a_fast_backup_ends_before_its_target_is_full(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw", 2 * GIB)))
    await vm.qmp("cont")
    with small_filesystem(tmp_path / "small", GIB) as small:
        async with worker_of(vm, pace=Pace()) as worker:
            # Without a limit it would be full within a second.
            await worker.start(backup(small, speed=0), wishes=GUARD)
            cap = (await until(worker, lambda: care(worker).cap)) or 0
            assert cap < GIB

            def held() -> str:
                job = worker.snapshot.job(J)
                return job.care.held_back_for if job and 0 < job.speed <= cap else ""

            assert await until(worker, held) == "for want of room"
            job = await ended(worker)
            assert job.outcome is Outcome.CANCELLED
            assert job.detail.startswith("by us: the target's file system was about to be full, ")
            assert await runs(vm)
            assert not [e for e in worker.events.since(0) if e.name.endswith("_ERROR")]


async def test_it_has_its_speed_back_when_there_is_room_for_it(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw", 256 * MIB)))
    with small_filesystem(tmp_path / "small", 128 * MIB) as small:
        async with worker_of(vm) as worker:
            await worker.start(backup(small, speed=100 * MIB), wishes=GUARD)
            await until(worker, lambda: (j := worker.snapshot.job(J)) and j.speed < 100 * MIB)
            grow(small, GIB)
            job = await ended(worker)
            assert (job.outcome, job.speed, job.asked) == (
                Outcome.SUCCEEDED,
                100 * MIB,
                100 * MIB,
            )


async def test_a_limit_that_another_client_sets_is_taken_for_what_is_wanted(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw", 256 * MIB)))
    with small_filesystem(tmp_path / "small", 128 * MIB) as small:
        async with worker_of(vm) as worker:
            await worker.start(backup(small, speed=100 * MIB), wishes=GUARD)
            await until(worker, lambda: (j := worker.snapshot.job(J)) and j.speed < 100 * MIB)
            await vm.qmp("block-job-set-speed", device=J, speed=MIB)
            await until(worker, lambda: (j := worker.snapshot.job(J)) and j.speed == MIB)
            await worker.refresh()
            assert [job["speed"] for job in await vm.qmp("query-block-jobs")] == [MIB]
            assert not care(worker).held_back


async def test_a_backup_that_fits_is_left_alone_however_little_room_is_left(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw", 16 * MIB)))
    with small_filesystem(tmp_path / "small", 19 * MIB) as small:
        async with worker_of(vm) as worker:
            await worker.start(backup(small), wishes=GUARD)
            job = await ended(worker)
            assert (job.outcome, job.detail) == (Outcome.SUCCEEDED, "")


async def test_it_can_be_wished_for_while_the_job_runs(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw", 64 * MIB)))
    with small_filesystem(tmp_path / "small", 32 * MIB) as small:
        async with worker_of(vm) as worker:
            await worker.start(backup(small, speed=1))
            await until(worker, lambda: care(worker).space)
            assert not care(worker).wishes
            worker.wish(J, GUARD)
            await until(worker, lambda: care(worker).wishes == GUARD)
            await vm.qmp("block-job-set-speed", device=J, speed=8 * MIB)
            assert (await ended(worker)).outcome is Outcome.CANCELLED


SLOW = (
    *("-object", "throttle-group,id=slow,x-bps-total=16777216"),
    *("-blockdev", f"null-co,node-name=nowhere,size={GIB},read-zeroes=on"),
    *("-blockdev", "throttle,node-name=target,throttle-group=slow,file=nowhere"),
)


async def slow_backup(vm: Vm) -> None:
    """A backup onto what is slow, started by another client."""
    await vm.qmp("blockdev-backup", job_id=J, device="d0", target="target", sync="full")


async def test_a_backup_is_slowed_down_until_the_guest_writes_as_quickly_as_it_may(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    disk = large_guest_disk(tmp_path / "disk.raw", GIB, 768 * MIB)
    vm = await qemu(*booted(disk), *SLOW)
    await vm.qmp("cont")
    async with worker_of(vm) as worker:

        def wait() -> float | None:
            (device,) = (d for d in worker.snapshot.devices if d.device == "d0")
            return device.writes.now

        await until(worker, wait)
        await slow_backup(vm)
        if worker.snapshot.major < 6:
            # It copies with one request at a time, behind which the guest waits but shortly.
            await until(worker, lambda: (job := worker.snapshot.job(J)) and job.type)
            worker.wish(J, Wishes(easy=Bound(None, 0.2)))
            await until(worker, lambda: "may take 200 ms" in care(worker).steering)
            await until(worker, lambda: (j := worker.snapshot.job(J)) and j.offset > 64 * MIB)
            assert not care(worker).held_back
            return
        await until(worker, lambda: (wait() or 0) > 0.2)
        worker.wish(J, Wishes(easy=Bound(None, 0.05)))
        await until(worker, lambda: care(worker).held_back and (wait() or 1) < 0.05, within=40)
        assert "may take 50 ms" in care(worker).steering
        # It is wished for no more.
        worker.wish(J, Wishes())
        await until(worker, lambda: (job := worker.snapshot.job(J)) and job.speed == 0)
        assert not care(worker).held_back


async def test_who_leaves_gives_the_job_its_speed_back(qemu: QemuStarter, tmp_path: Path) -> None:
    disk = large_guest_disk(tmp_path / "disk.raw", GIB, 768 * MIB)
    vm = await qemu(*booted(disk), *SLOW)
    await vm.qmp("cont")
    async with running(worker_of(vm)) as worker:
        await until(worker, lambda: worker.snapshot.loaded)
        await slow_backup(vm)
        await until(worker, lambda: (job := worker.snapshot.job(J)) and job.type)
        worker.wish(J, Wishes(easy=Bound(None, 0.000001)))
        await until(worker, lambda: (job := worker.snapshot.job(J)) and job.speed > 0)
    (job,) = await vm.qmp("query-block-jobs")
    assert job["speed"] == 0


async def test_a_wish_is_of_one_job_and_not_of_the_next_with_its_id(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw")))
    async with worker_of(vm) as worker:
        for _ in range(2):
            await worker.start(backup(tmp_path, speed=1), wishes=GUARD)
            await until(worker, lambda: care(worker).wishes == GUARD)
            await worker.cancel(J)
            await ended(worker)
        await worker.start(backup(tmp_path, speed=1))
        await until(worker, lambda: care(worker).space)
        assert not care(worker).wishes
