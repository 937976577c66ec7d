"""How a backup was looked after is known to the BlockDeck that comes next."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.qemu import QemuStarter
from tests.worker.disks import MIB, null
from tests.worker.test_care import care
from tests.worker.watching import J, backup, ended, until, worker_of
from tui.records.kept_care import Before, CareStore, Keeper, KeptCare
from tui.vm.bound import Bound
from tui.vm.care import Wishes
from tui.vm.job import Job
from tui.vm.timeline import timeline
from tui.worker import VmWorker

EASY = Wishes(easy=Bound(2.0))
GUARD = Wishes(cancel_before_full=True)
NOBODY = Keeper(pid=os.getpid(), created=1.0)
"""A process that is gone: another has its number."""


def files(directory: Path) -> list[Path]:
    """What is kept of how jobs are looked after."""
    return sorted((directory / "care").glob("*.json"))


def told(worker: VmWorker) -> list[str]:
    """The timeline of the job."""
    return [moment.words for moment in timeline(worker.events.since(0), J, None)]


def left(directory: Path, **changes: object) -> None:
    """Change what an earlier BlockDeck has left, as if it had been killed."""
    (path,) = files(directory)
    kept = KeptCare.model_validate_json(path.read_bytes())
    path.write_text(kept.model_copy(update={"keeper": NOBODY, **changes}).model_dump_json())


async def test_wishes_and_limits_go_on(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*null(64 * MIB))
    async with worker_of(vm, tmp_path / "history") as first:
        await first.start(backup(vm, speed=1))
        first.wish(J, EASY)
        await until(first, lambda: care(first).wishes == EASY and files(tmp_path))
    left(tmp_path, asked=2 * MIB, ceiling=2 * MIB, told=(MIB, 12345), writes=Before(wait=0.25))
    await vm.qmp("block-job-set-speed", device=J, speed=12345)
    async with worker_of(vm, tmp_path / "history") as second:
        await until(second, lambda: care(second).wishes == EASY)
        # The guest writes nothing: there is nothing to hold it back for.
        await until(second, lambda: (job := second.snapshot.job(J)) and job.speed == 2 * MIB)
        job = second.snapshot.job(J)
        assert job is not None
        assert (job.asked, job.care.held_back) == (2 * MIB, False)
        assert second.snapshot.device(job.device_key or "").writes.before == 0.25  # type: ignore[union-attr]
        assert {
            "as was wished for it before, its speed keeps the guest's writes under 2x",
            "a BlockDeck that is gone held it at 12.1 KiB/s, its own limit is 2.0 MiB/s",
        } <= set(told(second))
        await second.cancel(J)
        await ended(second)
        await until(second, lambda: not files(tmp_path))


@pytest.mark.parametrize("asked", [0, 2 * MIB])
async def test_a_job_that_was_held_back_for_nobody_has_its_limit_again(
    qemu: QemuStarter, tmp_path: Path, asked: int
) -> None:
    """Another client's, left long ago: what was wished may have been for a job before it."""
    vm = await qemu(*null(64 * MIB))
    await vm.qmp("drive-backup", {**backup(vm, speed=asked or 64 * MIB), "job-id": "theirs"})
    await vm.qmp("job-pause", id="theirs")
    await vm.qmp("block-job-set-speed", device="theirs", speed=asked)
    async with worker_of(vm, tmp_path / "history") as first:
        await until(first, lambda: first.snapshot.job("theirs") and files(tmp_path))
        first.wish("theirs", GUARD)
        await until(first, lambda: first.snapshot.live_jobs[0].care.wishes == GUARD)
    left(tmp_path, told=(asked, 12345))
    long_ago = time.time() - 86400
    os.utime(files(tmp_path)[0], (long_ago, long_ago))
    await vm.qmp("block-job-set-speed", device="theirs", speed=12345)
    async with worker_of(vm, tmp_path / "history") as second:
        await until(second, lambda: (j := second.snapshot.job("theirs")) and j.speed == asked)
        assert not second.snapshot.live_jobs[0].care.wishes


async def test_what_another_client_set_meanwhile_stays(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*null(64 * MIB))
    async with worker_of(vm, tmp_path / "history") as first:
        await first.start(backup(vm, speed=1))
        first.wish(J, EASY)
        await until(first, lambda: care(first).wishes == EASY and files(tmp_path))
    left(tmp_path, ceiling=0, told=(0, 12345))
    await vm.qmp("block-job-set-speed", device=J, speed=777)
    async with worker_of(vm, tmp_path / "history") as second:
        await until(second, lambda: care(second).wishes == EASY)
        await second.refresh()
        assert [job["speed"] for job in await vm.qmp("query-block-jobs")] == [777]


async def test_what_another_blockdeck_looks_after_is_left_to_it_until_that_ends(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null(64 * MIB))
    async with worker_of(vm, tmp_path / "history") as first:
        await first.start(backup(vm, speed=1))
        first.wish(J, EASY)
        await until(first, lambda: care(first).wishes == EASY and files(tmp_path))
    left(tmp_path, keeper=Keeper.present(), ceiling=0, told=(0, 12345))
    await vm.qmp("block-job-set-speed", device=J, speed=12345)
    before = files(tmp_path)[0].read_bytes()
    async with worker_of(vm, tmp_path / "history") as second:
        await until(second, lambda: (job := second.snapshot.job(J)) and job.command)
        for _ in range(3):
            await second.refresh()
        assert not care(second).wishes
    assert [job["speed"] for job in await vm.qmp("query-block-jobs")] == [12345]
    assert files(tmp_path)[0].read_bytes() == before


async def test_who_only_looks_takes_nothing_up(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*null(64 * MIB))
    async with worker_of(vm, tmp_path / "history") as first:
        await first.start(backup(vm, speed=1))
        first.wish(J, EASY)
        await until(first, lambda: care(first).wishes == EASY and files(tmp_path))
    left(tmp_path, ceiling=0, told=(0, 12345))
    await vm.qmp("block-job-set-speed", device=J, speed=12345)
    before = files(tmp_path)[0].read_bytes()
    async with worker_of(vm, tmp_path / "history", read_only=True) as second:
        await until(second, lambda: (job := second.snapshot.job(J)) and job.len)
        await second.refresh()
        assert not care(second).wishes
    assert [job["speed"] for job in await vm.qmp("query-block-jobs")] == [12345]
    assert files(tmp_path)[0].read_bytes() == before


def test_a_later_job_with_the_id_is_another_one(tmp_path: Path) -> None:
    store = CareStore(tmp_path)
    kept = KeptCare(
        job="drive-virtio0",
        device="d0",
        target="/backup/monday",
        length=64 * MIB,
        copied=MIB,
        ours=False,
        keeper=None,
        asked=None,
        ceiling=0,
        told=(),
        wishes=GUARD,
        writes=Before(),
        reads=Before(wait=0.001, rate=2.0),
    )
    store.keep("qemu", kept)
    (file,) = tmp_path.glob("*.json")
    # It is read by later versions: by names, not by places.
    assert json.loads(file.read_text())["wishes"] == {"cancel_before_full": True, "easy": None}
    found = store.find("qemu", "drive-virtio0")
    assert found is not None
    assert found[0] == kept
    assert store.find("another", "drive-virtio0") is None
    monday = Job("drive-virtio0", "backup", device="d0", target="/backup/monday", len=64 * MIB)
    assert kept.is_of(replace(monday, offset=2 * MIB))
    assert not kept.is_of(monday)
    assert not kept.is_of(replace(monday, offset=2 * MIB, target="/backup/tuesday"))
    assert not kept.is_of(replace(monday, offset=2 * MIB, len=MIB))
    # Ours is the same however QEMU spells its target.
    mine = kept.model_copy(update={"ours": True, "target": "nbd://host/disk"})
    assert mine.is_of(replace(monday, ours=True, offset=2 * MIB, target="json:{}"))
