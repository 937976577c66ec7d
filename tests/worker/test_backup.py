"""A backup started here is what was asked for: the arguments, the bytes, the point in time."""

import json
from pathlib import Path

import pytest

from tests.qemu import PC, QemuStarter, Vm, qemu_img
from tests.worker.disks import (
    ANON,
    KIB,
    MIB,
    blockdev,
    drive,
    null,
    overlay,
    pattern,
    same,
)
from tests.worker.watching import J, backup, ended, until, worker_of
from tests.worker.wire import overhear
from tui.backup.arguments import Json
from tui.backup.preview import as_json
from tui.backup.way import Way
from tui.qmp.address import UnixAddress
from tui.qmp.errors import CommandRefused
from tui.vm.job import Outcome
from tui.worker import VmWorker

ALL: dict[str, Json] = {
    "speed": 50 * MIB,
    "mode": "absolute-paths",
    "compress": True,
    "on-source-error": "report",
    "on-target-error": "report",
    "auto-finalize": True,
    "filter-node-name": "blockdeck-filter",
    "x-perf": {"use-copy-range": False, "max-workers": 2, "max-chunk": MIB},
}


async def test_every_argument_reaches_qemu_as_the_preview_shows_it(qemu: QemuStarter) -> None:
    vm = await qemu(*null(MIB))
    async with (
        overhear(vm.monitor) as line,
        VmWorker(UnixAddress(path=line.path)) as worker,
    ):
        verdict = await worker.judge({**backup(vm), **ALL}, fresh=True)
        assert verdict.verdict != "reject"
        await worker.start(verdict.command["arguments"])
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED
    assert line.arguments("drive-backup") == {**backup(vm), **ALL}
    shown = json.loads(as_json(verdict.command))
    assert shown == {"execute": "drive-backup", "arguments": line.arguments("drive-backup")}


async def test_what_qemu_refuses_leaves_no_job(qemu: QemuStarter) -> None:
    vm = await qemu(*null(MIB))
    async with worker_of(vm) as worker:
        for wrong in ({"target": str(vm.directory / "no/such")}, {"job-id": "9"}, {"speed": -1}):
            with pytest.raises(CommandRefused):
                await worker.start({**backup(vm), **wrong})
        assert worker.snapshot.jobs == ()
        await worker.start(backup(vm))
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED


# --- the point in time --------------------------------------------------------------------------


either_way = pytest.mark.parametrize("way", list(Way))


async def full_backup_amid_writes(vm: Vm, way: Way, device: str, writer: str, origin: Path) -> bool:
    """Whether a backup during which A becomes B is A."""
    before = pattern(vm.directory / "before.raw", 0xA, 16 * MIB)
    async with worker_of(vm) as worker:
        await worker.start(backup(vm, device, speed=MIB), way=way)
        for place in (0, 7 * MIB, 16 * MIB - 64 * KIB):
            await vm.write(writer, place, 64 * KIB, 0xB)
        job = worker.snapshot.job(J)
        assert job is not None
        assert job.live
        await vm.qmp("block-job-set-speed", device=J, speed=0)
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED
    assert origin.stat().st_size
    return same(vm.directory / "target.img", before)


@either_way
async def test_a_full_backup_of_a_drive_is_the_disk_as_it_was_at_the_start(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    origin = pattern(tmp_path / "d.raw", 0xA, 16 * MIB)
    vm = await qemu(*drive(origin))
    assert await full_backup_amid_writes(vm, way, "d0", "d0", origin)
    assert bytes([0xB]) in origin.read_bytes()


@either_way
async def test_a_full_backup_of_a_blockdev_is_the_disk_as_it_was_at_the_start(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    origin = pattern(tmp_path / "n.qcow2", 0xA, 16 * MIB, "qcow2")
    vm = await qemu(*PC, *blockdev(origin))
    assert await full_backup_amid_writes(vm, way, "n0", f"-d {ANON}", origin)


# --- the other kinds of sync --------------------------------------------------------------------


@either_way
async def test_top_copies_what_the_topmost_image_has_and_no_more(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    base = pattern(tmp_path / "base.raw", 0xA)
    vm = await qemu(*drive(overlay(tmp_path / "top.qcow2", base, "raw"), "qcow2"))
    await vm.write("d0", MIB, 64 * KIB, 0xB)
    async with worker_of(vm) as worker:
        await worker.start(backup(vm, sync="top"), way=way)
        job = await ended(worker)
        assert (job.outcome, job.len) == (Outcome.SUCCEEDED, 64 * KIB)
    info = json.loads(qemu_img("info", "-U", "--output=json", vm.directory / "target.img"))
    assert info["backing-filename"] == str(base)
    expected = bytearray(base.read_bytes())
    expected[MIB : MIB + 64 * KIB] = bytes([0xB]) * 64 * KIB
    (tmp_path / "expected.raw").write_bytes(expected)
    assert same(vm.directory / "target.img", tmp_path / "expected.raw")


@either_way
async def test_none_copies_only_what_the_guest_overwrites_until_it_is_cancelled(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    origin = pattern(tmp_path / "d.raw")
    vm = await qemu(*drive(overlay(tmp_path / "d.qcow2", origin, "raw"), "qcow2"))
    async with worker_of(vm) as worker:
        await worker.start(backup(vm, sync="none"), way=way)
        await vm.write("d0", MIB, 64 * KIB, 0xB)
        await until(worker, lambda: (job := worker.snapshot.job(J)) and job.offset == 64 * KIB)
        await worker.cancel(J)
        assert (await ended(worker)).outcome is Outcome.CANCELLED
    mapped = json.loads(qemu_img("map", "-U", "--output=json", vm.directory / "target.img"))
    copied = [piece for piece in mapped if piece["depth"] == 0]
    assert [(piece["start"], piece["length"]) for piece in copied] == [(MIB, 64 * KIB)]


@either_way
async def test_incremental_copies_what_the_bitmap_marks_onto_the_full_backup(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    origin = pattern(tmp_path / "d.qcow2", fmt="qcow2")
    vm = await qemu(*drive(origin, "qcow2"))
    await vm.qmp("block-dirty-bitmap-add", node="d0", name="bm")
    increment = vm.directory / "increment.qcow2"
    async with worker_of(vm) as worker:
        await worker.start(backup(vm), way=way)
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED
        await vm.write("d0", 2 * MIB, 64 * KIB, 0xB)
        overlay(increment, vm.directory / "target.img")
        more = {"sync": "incremental", "bitmap": "bm", "mode": "existing"}
        await worker.start(backup(vm, target=str(increment), **more), way=way)
        job = await until(worker, lambda: [j for j in worker.snapshot.jobs if j.outcome][1:])
        assert (job[0].outcome, job[0].len) == (Outcome.SUCCEEDED, 64 * KIB)
        vm_now = await worker.refresh()
        disk = vm_now.device("d0")
        assert disk is not None
        assert disk.medium is not None
        assert [(bitmap.name, bitmap.count) for bitmap in disk.medium.bitmaps] == [("bm", 0)]
    expected = bytearray(bytes([0xA]) * 4 * MIB)
    expected[2 * MIB : 2 * MIB + 64 * KIB] = bytes([0xB]) * 64 * KIB
    (tmp_path / "expected.raw").write_bytes(expected)
    assert same(increment, tmp_path / "expected.raw")


# --- and after it -------------------------------------------------------------------------------


@either_way
@pytest.mark.parametrize("paused", [False, True])
async def test_cancel_leaves_the_vm_and_its_nodes_as_before(
    qemu: QemuStarter, tmp_path: Path, paused: bool, way: Way
) -> None:
    origin = pattern(tmp_path / "n.qcow2", fmt="qcow2")
    vm = await qemu(*PC, *blockdev(origin))
    await vm.qmp("block-dirty-bitmap-add", node="n0", name="bm")
    questions = ("query-block", "query-named-block-nodes", "x-debug-query-block-graph")
    before = [await vm.qmp(question) for question in (*questions, "query-status")]
    async with worker_of(vm) as worker:
        await worker.start(backup(vm, "n0", sync="none"), way=way)
        if paused:
            await vm.qmp("block-job-pause", device=J)
        await worker.cancel(J)
        job = await ended(worker)
        assert (job.outcome, job.detail) == (Outcome.CANCELLED, "by us")
        after = [await vm.qmp(question) for question in (*questions, "query-status")]
    for graph in (before[2], after[2]):
        named = {node["id"]: node["name"] for node in graph["nodes"]}
        graph["nodes"] = sorted((node["type"], node["name"]) for node in graph["nodes"])
        edges = ((named[e["parent"]], e["name"], named[e["child"]]) for e in graph["edges"])
        graph["edges"] = sorted(edges)
    assert after == before
