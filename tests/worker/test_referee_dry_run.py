"""Before a backup starts QEMU is asked by a dry run, which nobody and nothing notices."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import QemuStarter, Refused
from tests.worker.disks import MIB, drive, null, pattern
from tests.worker.watching import J, backup, ended, until, worker_of
from tests.worker.wire import overhear
from tui.qmp.address import UnixAddress
from tui.qmp.errors import CommandRefused, ConnectionLost
from tui.vm.job import Outcome
from tui.vm.snapshot import DRY_RUN_PREFIX
from tui.worker import VmWorker

WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"device": "none"}, "Cannot find device='none' nor node-name='none'"),
    ({"device": "empty"}, "Device 'empty' has no medium"),
    ({"speed": -1}, "Parameter 'speed' expects a non-negative value"),
    ({"job-id": "9"}, "Invalid job ID '9'"),
    ({"job-id": "a b"}, "Invalid job ID 'a b'"),
    ({"sync": "sometimes"}, "Parameter 'sync' does not accept value 'sometimes'"),
    ({"sync": "incremental"}, "must provide a valid bitmap name for 'incremental' sync mode"),
    ({"sync": "bitmap", "bitmap": "no", "bitmap-mode": "never"}, "Bitmap 'no' could not be found"),
    ({"bitmap": "bm"}, "Bitmap sync mode must be given when providing a bitmap"),
    ({"sync": "none", "bitmap": "bm", "bitmap-mode": "always"}, "sync mode 'none' does not"),
    ({"bitmap-mode": "always"}, "Cannot specify bitmap sync mode without a bitmap"),
    ({"filter-node-name": "1"}, "Invalid node-name: '1'"),
    ({"filter-node-name": "root"}, "Duplicate nodes with node-name='root'"),
    ({"x-perf": {"max-workers": 0}}, "max-workers must be between 1 and"),
    ({"x-perf": {"max-chunk": 1}}, "max-chunk"),
    ({"x-perf": {"none": 1}}, "Parameter 'x-perf.none' is unexpected"),
    ({"auto-finalize": "on"}, "Invalid parameter type for 'auto-finalize', expected: boolean"),
    ({"colour": "red"}, "Parameter 'colour' is unexpected"),
)

IN_QEMU_5 = {
    "Cannot find device='none' nor node-name='none'": "Cannot find device=none nor node_name=none",
    "Parameter 'sync' does not accept value 'sometimes'": "Invalid parameter 'sometimes'",
    "Invalid node-name: '1'": "Invalid node name",
    "Duplicate nodes with node-name='root'": "Duplicate node name",
    "max-workers must be between 1 and": "Parameter 'x-perf' is unexpected",
    "max-chunk": "Parameter 'x-perf' is unexpected",
    "Parameter 'x-perf.none' is unexpected": "Parameter 'x-perf' is unexpected",
}


def disks(directory: Path) -> tuple[str, ...]:
    """A disk whose node has a name and that has a bitmap, and an empty drive."""
    image = pattern(directory / "d.raw")
    named = ("-drive", f"if=none,id=d0,node-name=root,file={image},format=raw")
    return (*named, "-drive", "if=none,id=empty,media=cdrom")


async def test_qemu_says_in_its_own_words_what_is_wrong(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*disks(tmp_path))
    await vm.qmp("block-dirty-bitmap-add", node="root", name="bm")
    async with worker_of(vm) as worker:
        for wrong, now in WRONG:
            words = IN_QEMU_5.get(now, now) if worker.snapshot.major < 6 else now
            said = await worker.referee({**backup(vm), **wrong})
            assert said is not None, wrong
            assert words in said, wrong
        assert await worker.referee(backup(vm)) is None
        assert await worker.referee({**backup(vm), "compress": True}) is None


async def test_what_it_says_is_what_drive_backup_is_answered(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*disks(tmp_path))
    await vm.qmp("block-dirty-bitmap-add", node="root", name="bm")
    async with worker_of(vm) as worker:
        for number, (wrong, _) in enumerate(WRONG):
            arguments = {**backup(vm, target=str(tmp_path / f"{number}.qcow2")), **wrong}
            said = await worker.referee(arguments)
            with pytest.raises(Refused) as refusal:
                await vm.qmp("drive-backup", arguments)
            assert said == str(refusal.value)


async def test_nothing_is_left_of_it_and_nothing_was_seen(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*disks(tmp_path))
    await vm.qmp("block-dirty-bitmap-add", node="root", name="bm")
    await vm.write("d0", MIB, 65536, 0xB)
    content = (tmp_path / "d.raw").read_bytes()
    nodes = await vm.qmp("query-named-block-nodes", flat=True)
    seen: set[str] = set()
    async with worker_of(vm) as worker:
        worker.subscribe(lambda: seen.update(job.id for job in worker.snapshot.jobs))
        worker.subscribe(lambda: seen.update(d.key for d in worker.snapshot.devices))
        incremental = {"sync": "incremental", "bitmap": "bm"}
        for _ in range(20):
            assert await worker.referee({**backup(vm), **incremental}) is None
            assert await worker.referee(backup(vm, speed=-1)) is not None
        await worker.refresh()
        assert worker.events.since(0) == ()
        assert worker.snapshot.live_jobs == ()
    assert seen == {"d0", "empty"}
    assert await vm.qmp("query-named-block-nodes", flat=True) == nodes
    assert await vm.qmp("query-jobs") == []
    assert (tmp_path / "d.raw").read_bytes() == content
    assert not (vm.directory / "target.img").exists()


async def test_a_refused_start_does_not_touch_the_last_backup(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*disks(tmp_path))
    target = vm.directory / "target.img"
    target.write_bytes(b"yesterday's backup")
    async with worker_of(vm) as worker:
        for wrong in ({"job-id": "9"}, {"speed": -1}, {"sync": "incremental"}):
            with pytest.raises(CommandRefused):
                await worker.start({**backup(vm), **wrong})
    assert target.read_bytes() == b"yesterday's backup"


async def test_it_comes_before_every_start_and_the_start_is_seen(qemu: QemuStarter) -> None:
    vm = await qemu(*null(MIB))
    async with (
        overhear(vm.monitor) as line,
        VmWorker(UnixAddress(path=line.path)) as worker,
    ):
        await worker.start(backup(vm))
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED
        created = [r for r in worker.events.since(0) if r.event.data.get("status") == "created"]
    asked = ["blockdev-add", "transaction", "blockdev-del", "drive-backup"]
    assert [name for name in line.names() if name in asked] == asked
    assert len(created) == 1


async def test_a_resized_disk_is_asked_about_again(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    async with worker_of(vm) as worker:
        await vm.qmp("block_resize", device="d0", size=8 * MIB)
        assert await worker.referee(backup(vm)) is None


async def test_a_busy_disk_is_not_asked_about(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    async with (
        overhear(vm.monitor) as line,
        VmWorker(UnixAddress(path=line.path)) as worker,
    ):
        await vm.qmp("drive-backup", backup(vm, sync="none", job_id="theirs"))
        await until(worker, lambda: (d := worker.snapshot.device("d0")) and d.obstacle)
        assert await worker.referee({**backup(vm), "job-id": J}) is None
        assert "transaction" not in line.names()


async def test_who_stops_waiting_leaves_no_node_behind(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    nodes = await vm.qmp("query-named-block-nodes", flat=True)
    async with worker_of(vm) as worker:
        for steps in range(12):
            asking = asyncio.create_task(worker.referee(backup(vm)))
            for _ in range(steps):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
    assert await vm.qmp("query-named-block-nodes", flat=True) == nodes


async def test_what_a_killed_blockdeck_left_is_swept_away(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    nodes = await vm.qmp("query-named-block-nodes", flat=True)
    left = f"{DRY_RUN_PREFIX}left"
    await vm.qmp("blockdev-add", driver="null-co", node_name=left, size=MIB)
    async with worker_of(vm) as worker:
        assert [device.key for device in worker.snapshot.devices] == ["d0"]
        assert await worker.referee(backup(vm)) is None
    assert await vm.qmp("query-named-block-nodes", flat=True) == nodes


async def test_a_lost_line_ends_the_question(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    async with worker_of(vm) as worker:
        await vm.kill()
        with pytest.raises(ConnectionLost):
            await worker.referee(backup(vm))
