"""Fleecing: the target gets the disk as it was, no guest waits for it, nothing stays behind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fleecing import firmware_is_through, fleecing
from tests.qemu import PC, QemuStarter, Vm, qemu_img
from tests.small import small_filesystem
from tests.waiting import until_answered
from tests.worker.disks import KIB, MIB, blockdev, drive, pattern
from tests.worker.watching import BRISK, J, backup, ended, worker_of
from tui.backup.way import Way
from tui.qmp.errors import CommandRefused
from tui.vm.job import Outcome
from tui.vm.verbs import Act, Verb
from tui.worker import VmWorker

SLOW = 1
"""Bytes a second: the copy waits after its first piece."""

A, B = 0xA, 0xB

SWEEPING = BRISK._replace(inventory=0.1, orphan=0.3)
"""Who is this brisk soon removes what is nobody's."""


def by_drive(path: Path) -> tuple[str, ...]:
    """A disk the old way, at a device of the guest's."""
    return *drive(path), "-device", "virtio-blk-pci,drive=d0"


def by_blockdev(path: Path) -> tuple[str, ...]:
    """A disk with a node of its own, in an I/O thread."""
    options = blockdev(path, "raw", "d0")
    return "-object", "iothread,id=t", *options[:3], f"{options[3]},iothread=t"


async def vm_of(qemu: QemuStarter, tmp_path: Path, way: Callable[[Path], tuple[str, ...]]) -> Vm:
    """A running VM with a disk full of A."""
    vm = await qemu(*PC, *way(pattern(tmp_path / "d.raw", A)))
    await fleecing(vm)
    await vm.qmp("cont")
    await firmware_is_through(vm)
    return vm


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """One whose disk is attached the old way."""
    return await vm_of(qemu, tmp_path, by_drive)


@pytest.fixture
def fast(tmp_path: Path) -> Path:
    """A directory on fast storage."""
    directory = tmp_path / "fast"
    directory.mkdir()
    return directory


async def named(vm: Vm) -> list[str]:
    """The nodes that BlockDeck or the operator named."""
    nodes = await vm.qmp("query-named-block-nodes")
    return sorted(node["node-name"] for node in nodes if not node["node-name"].startswith("#"))


async def guest_writes(vm: Vm, offset: int, length: int, byte: int = B) -> None:
    """Write through the device, as the guest does."""
    (block,) = [b for b in await vm.qmp("query-block") if b.get("inserted")]
    backend = block["device"] or f"-d {block['qdev']}"
    await vm.write(backend, offset, length, byte)


async def start(worker: VmWorker, vm: Vm, fast: Path, **more: Any) -> None:
    """Start a backup with fleecing."""
    await worker.start(backup(vm, **more), way=Way.BLOCKDEV, fleece=str(fast))


async def at_full_speed(worker: VmWorker) -> None:
    """Let the copy run."""
    await worker.act(J, Act(Verb.SET_SPEED, speed=0))


@pytest.mark.parametrize("way", [by_drive, by_blockdev])
async def test_the_target_gets_the_disk_as_it_was(
    qemu: QemuStarter, tmp_path: Path, fast: Path, way: Callable[[Path], tuple[str, ...]]
) -> None:
    vm = await vm_of(qemu, tmp_path, way)
    before = await named(vm)
    as_it_was = (tmp_path / "d.raw").read_bytes()
    async with worker_of(vm) as worker:
        await start(worker, vm, fast, speed=SLOW)
        # QEMU alone has the image now: a crash leaves nothing.
        assert list(fast.iterdir()) == []
        await guest_writes(vm, MIB, 2 * MIB)
        await at_full_speed(worker)
        job = await ended(worker)
        assert (job.outcome, job.device) == (Outcome.SUCCEEDED, "d0")
    assert await named(vm) == before
    assert (await vm.qmp("query-status"))["status"] == "running"
    qemu_img("convert", "-O", "raw", vm.directory / "target.img", tmp_path / "copy.raw")
    assert (tmp_path / "copy.raw").read_bytes() == as_it_was
    # The disk itself went on, and can be written to as before.
    await guest_writes(vm, 3 * MIB, 64 * KIB)
    await vm.qmp("stop")
    now = (tmp_path / "d.raw").read_bytes()
    assert now[MIB : 3 * MIB] == bytes([B]) * 2 * MIB
    assert now[3 * MIB : 3 * MIB + 64 * KIB] == bytes([B]) * 64 * KIB
    assert now[:MIB] == as_it_was[:MIB]


async def test_after_a_cancel_nothing_is_left(vm: Vm, fast: Path) -> None:
    before = await named(vm)
    async with worker_of(vm) as worker:
        for _ in range(2):
            (vm.directory / "target.img").unlink(missing_ok=True)
            await start(worker, vm, fast, speed=SLOW)
            await worker.cancel(J)
            assert (await ended(worker)).outcome is Outcome.CANCELLED
            assert await named(vm) == before
            worker.clear_finished()
    await guest_writes(vm, 0, MIB)


async def test_a_target_that_fills_fails_no_write_of_the_guest(
    vm: Vm, tmp_path: Path, fast: Path
) -> None:
    before = await named(vm)
    with small_filesystem(tmp_path / "small", MIB) as small:
        async with worker_of(vm) as worker:
            await start(worker, vm, fast, speed=SLOW, target=str(small / "t.qcow2"))
            # Twice what the target could take: without fleecing these would fail.
            await guest_writes(vm, MIB, 2 * MIB)
            await at_full_speed(worker)
            job = await ended(worker)
        assert job.outcome is Outcome.FAILED
        assert "No space left" in job.detail
    assert await named(vm) == before
    assert (await vm.qmp("query-status"))["status"] == "running"
    await guest_writes(vm, 0, MIB)


async def test_fast_storage_that_fills_fails_the_backup_and_not_the_guest(
    vm: Vm, tmp_path: Path
) -> None:
    before = await named(vm)
    with small_filesystem(tmp_path / "small", MIB) as small:
        async with worker_of(vm) as worker:
            verdict = await worker.judge(backup(vm), way=Way.BLOCKDEV, fleece=str(small))
            assert "F-ROOM" in {finding.rule for finding in verdict.findings}
            await start(worker, vm, small, speed=SLOW)
            await guest_writes(vm, MIB, 3 * MIB)
            await at_full_speed(worker)
            assert (await ended(worker)).outcome is Outcome.FAILED
        assert await named(vm) == before
    await guest_writes(vm, 0, MIB)


async def test_what_a_killed_blockdeck_left_is_taken_off_by_the_next(
    vm: Vm, tmp_path: Path, fast: Path
) -> None:
    before = await named(vm)
    async with worker_of(vm) as worker:
        await start(worker, vm, fast, speed=SLOW)
    # It has left, and the job ends without anybody.
    await guest_writes(vm, MIB, MIB)
    await vm.qmp("block-job-set-speed", device=J, speed=0)
    async with worker_of(vm) as worker:
        job = await ended(worker)
        assert job.outcome is Outcome.SUCCEEDED
    assert await named(vm) == before
    qemu_img("convert", "-O", "raw", vm.directory / "target.img", tmp_path / "copy.raw")
    assert (tmp_path / "copy.raw").read_bytes() == bytes([A]) * 4 * MIB


async def test_a_filter_without_a_job_is_swept_away(vm: Vm, fast: Path) -> None:
    before = await named(vm)
    async with worker_of(vm) as worker:
        verdict = await worker.judge(backup(vm), way=Way.BLOCKDEV, fleece=str(fast))
    # As a BlockDeck leaves it that is killed right before it starts the job.
    for step in verdict.commands[:-1]:
        await vm.qmp(step["execute"], **step["arguments"])
        if step["execute"] == "blockdev-create":
            await gone_by(vm, step["arguments"]["job-id"])
    assert await named(vm) != before
    async with worker_of(vm, pace=SWEEPING):

        async def swept() -> bool:
            return await named(vm) == before

        await until_answered(swept)
    assert await named(vm) == before
    await guest_writes(vm, 0, MIB)


async def test_a_fleece_that_still_has_its_name_loses_it(vm: Vm, fast: Path) -> None:
    before = await named(vm)
    async with worker_of(vm) as worker:
        verdict = await worker.judge(backup(vm), way=Way.BLOCKDEV, fleece=str(fast))
    # As a BlockDeck leaves it that is killed right after it has opened the file.
    for step in verdict.prepare:
        await vm.qmp(step["execute"], step["arguments"])
        if step["execute"] == "blockdev-create":
            await gone_by(vm, step["arguments"]["job-id"])
        if str(step["arguments"].get("node-name")).endswith("-j"):
            break
    (left,) = fast.iterdir()
    # What has such a name only is somebody else's.
    (fast / left.name.replace("blockdeck-to-", "blockdeck-to-0")).touch()
    async with worker_of(vm, pace=SWEEPING):

        async def swept() -> bool:
            return await named(vm) == before and not left.exists()

        await until_answered(swept)
    assert len(list(fast.iterdir())) == 1


async def gone_by(vm: Vm, job_id: str) -> None:
    """Wait for a job's end and dismiss it."""

    async def concluded() -> bool:
        jobs = await vm.qmp("query-jobs")
        return any(job["id"] == job_id and job["status"] == "concluded" for job in jobs)

    await until_answered(concluded)
    await vm.qmp("job-dismiss", id=job_id)


async def test_a_second_client_keeps_its_hands_off(vm: Vm, fast: Path) -> None:
    async with worker_of(vm) as worker:
        await start(worker, vm, fast, speed=SLOW)
        (filter_node,) = [name for name in await named(vm) if name.endswith("-c")]
        # Whoever has the turn is about to put the device back: to do it twice kills QEMU.
        turn = f"{filter_node.removesuffix('-c')}-t"
        await vm.qmp("blockdev-add", {"driver": "null-co", "size": 0, "node-name": turn})
        await worker.cancel(J)
        job = await ended(worker)
        assert job.outcome is Outcome.CANCELLED
        assert filter_node in await named(vm)
        await vm.qmp("blockdev-del", {"node-name": turn})


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"sync": "none"}, "F-SYNC"),
        ({"device": "loose"}, "F-DEVICE"),
    ],
)
async def test_where_it_cannot_be_done_it_is_refused(
    qemu: QemuStarter, tmp_path: Path, fast: Path, change: dict[str, str], rule: str
) -> None:
    loose = {"driver": "null-co", "size": MIB, "node-name": "loose"}
    options = (*by_drive(pattern(tmp_path / "d.raw")), "-blockdev", json.dumps(loose))
    vm = await qemu(*PC, *options)
    await fleecing(vm)
    async with worker_of(vm) as worker:
        words = backup(vm, **change)
        verdict = await worker.judge(words, way=Way.BLOCKDEV, fleece=str(fast))
    assert rule in {finding.rule for finding in verdict.findings}
    assert verdict.verdict == "reject"


@pytest.mark.parametrize("place", ["relative", "{tmp}/nowhere", "{tmp}/d.raw"])
async def test_a_place_that_is_none_is_refused(vm: Vm, tmp_path: Path, place: str) -> None:
    async with worker_of(vm) as worker:
        directory = place.format(tmp=tmp_path)
        verdict = await worker.judge(backup(vm), way=Way.BLOCKDEV, fleece=directory)
    assert [finding.rule for finding in verdict.findings if finding.field == "fleece"] == [
        "F-PLACE"
    ]


async def test_before_7_1_it_is_refused(qemu: QemuStarter, tmp_path: Path, fast: Path) -> None:
    vm = await qemu(*PC, *by_drive(pattern(tmp_path / "d.raw")))
    version = (await vm.qmp("query-version"))["qemu"]
    old = (version["major"], version["minor"]) < (7, 1)
    async with worker_of(vm) as worker:
        verdict = await worker.judge(backup(vm), way=Way.BLOCKDEV, fleece=str(fast))
    assert ("F-QEMU" in {finding.rule for finding in verdict.findings}) is old


async def test_a_start_that_is_refused_leaves_nothing(vm: Vm, fast: Path) -> None:
    before = await named(vm)
    async with worker_of(vm) as worker:
        # The node's name is taken: the filter cannot be added when all else is there.
        verdict = await worker.judge(backup(vm), way=Way.BLOCKDEV, fleece=str(fast))
        snapshot = verdict.command["arguments"]["device"]
        added = {"driver": "null-co", "size": 0, "node-name": snapshot}
        await vm.qmp("blockdev-add", **added)
        await vm.qmp("nbd-server-start", addr={"type": "unix", "data": {"path": f"{fast}/s"}})
        export = {"type": "nbd", "id": "held", "node-name": snapshot}
        await vm.qmp("block-export-add", **export)
        with pytest.raises(CommandRefused):
            await start(worker, vm, fast)
        await vm.qmp("block-export-del", id="held", mode="hard")
        await vm.qmp("nbd-server-stop")
        await vm.qmp("blockdev-del", **{"node-name": snapshot})
    assert await named(vm) == before
    assert list(fast.iterdir()) == []
    await guest_writes(vm, 0, MIB)
