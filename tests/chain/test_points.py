"""A chain of a running VM's disks: every point is the disks as they were at one moment."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.chain.disks import SIZE, STEP, MirroredDisk, restored
from tests.qemu import QemuStarter, Vm
from tests.worker.test_blockdev import nodes
from tests.worker.watching import worker_of
from tui.chain.directory import Kept, chains_in, read_chain
from tui.chain.manifest import PointArguments, bitmap_name
from tui.chain.options import PointOptions
from tui.history import History
from tui.records.audit import AuditLog
from tui.vm.snapshot import Device
from tui.worker import VmWorker


def disks_of(worker: VmWorker, disks: Sequence[MirroredDisk]) -> list[Device]:
    """The devices of disks."""
    return [d for d in worker.snapshot.devices if d.title in [disk.name for disk in disks]]


async def full(worker: VmWorker, disks: Sequence[MirroredDisk], directory: Path) -> Kept:
    """Begin a chain."""
    async with worker.chains.begin(disks_of(worker, disks), directory) as running:
        return await worker.chains.finish(running)


async def increment(worker: VmWorker, kept: Kept, **more: Any) -> Kept:
    """The next point."""
    async with worker.chains.go_on(kept, **more) as running:
        return await worker.chains.finish(running)


async def bitmaps(vm: Vm) -> dict[str, list[str]]:
    """The names of the bitmaps of each disk."""
    return {
        block["device"]: [b["name"] for b in block["inserted"].get("dirty-bitmaps", [])]
        for block in await vm.qmp("query-block")
    }


def as_it_was(disks: Sequence[MirroredDisk]) -> dict[str, bytes]:
    """What is on the disks now."""
    return {disk.name: bytes(disk.content) for disk in disks}


async def holds(kept: Kept, moments: Sequence[dict[str, bytes]], scratch: Path) -> None:
    """Whether every complete point is its moment, byte for byte."""
    points = [point for point in kept.chain.points if point.complete]
    assert len(points) == len(moments)
    for point, moment in zip(points, moments, strict=True):
        for name, image in point.images.items():
            assert await restored(kept.directory / image.file, scratch) == moment[name], point


@pytest.mark.parametrize("driver", ["raw", "qcow2"])
@pytest.mark.parametrize("count", [1, 2])
async def test_every_point_is_the_disks_at_its_moment(
    qemu: QemuStarter, tmp_path: Path, driver: str, count: int
) -> None:
    disks = [MirroredDisk.make(tmp_path, f"n{i}", driver) for i in range(count)]
    vm = await qemu(*(option for disk in disks for option in disk.options))
    backups = tmp_path / "backups"
    backups.mkdir()
    moments = []
    async with worker_of(vm, tmp_path / "history") as worker:
        before = await nodes(vm)
        for disk in disks:
            await disk.write(vm, 0, 2 * STEP, 1)
        moments.append(as_it_was(disks))
        kept = await full(worker, disks, backups)
        for byte in (2, 3):
            for disk in disks:
                await disk.write(vm, byte * STEP, STEP, byte)
            moments.append(as_it_was(disks))
            kept = await increment(worker, kept)
        last = bitmap_name(kept.chain.id, 3)
        assert await bitmaps(vm) == {disk.name: [last] for disk in disks}
        assert await nodes(vm) == before
    await holds(kept, moments, tmp_path)
    (read,), bad = chains_in(backups)
    assert (read, bad) == (kept, ())
    first, *increments = kept.chain.points
    for point in increments:
        for name, image in point.images.items():
            # It holds what was written, and not the disk.
            assert (image.allocated or 0) < SIZE
            assert image.backing == kept.chain.points[point.serial - 2].images[name].file
    assert first.parent is None


@pytest.mark.parametrize("count", [1, 2])
async def test_the_report_of_each_disk_tells_what_was_sent_for_it(
    qemu: QemuStarter, tmp_path: Path, count: int
) -> None:
    disks = [MirroredDisk.make(tmp_path, f"n{i}", "qcow2") for i in range(count)]
    vm = await qemu(*(option for disk in disks for option in disk.options))
    (tmp_path / "backups").mkdir()
    async with worker_of(vm, tmp_path / "history") as worker:
        kept = await full(worker, disks, tmp_path / "backups")
        await increment(worker, kept)
    filed = [one.report for one in History(tmp_path / "history").reports.newest()]
    syncs = sorted((one.source, (one.arguments or {})["sync"]) for one in filed)
    assert syncs == [(d.name, sync) for d in disks for sync in ("bitmap", "full")]
    for report in filed:
        assert (report.way, (report.arguments or {})["job-id"]) == ("blockdev-backup", report.job)
        assert "not known" not in report.as_text()


_HOUSEKEEPING = ("job-dismiss", "blockdev-del", "block-dirty-bitmap-remove")


def sent(audit: Path) -> list[tuple[str, dict[str, Any]]]:
    """What changed something in QEMU, but for what clears away, as the audit log has it."""
    entries = [json.loads(line) for line in audit.read_text().splitlines()]
    done = [entry for entry in entries if entry["result"] == "done"]
    return [(e["command"], e["arguments"]) for e in done if e["command"] not in _HOUSEKEEPING]


@pytest.mark.parametrize("drivers", [("qcow2",), ("raw", "qcow2")], ids=len)
async def test_the_manifest_tells_the_bitmap_and_every_command_that_was_sent(
    qemu: QemuStarter, tmp_path: Path, drivers: Sequence[str]
) -> None:
    disks = [MirroredDisk.make(tmp_path, f"n{i}", driver) for i, driver in enumerate(drivers)]
    vm = await qemu(*(option for disk in disks for option in disk.options))
    backups = tmp_path / "backups"
    backups.mkdir()
    audit = AuditLog(tmp_path / "audit.jsonl")
    async with worker_of(vm, tmp_path / "history", audit=audit) as worker:
        kept = await full(worker, disks, backups)
        options = PointOptions(speed=1 << 30, compress=True)
        kept = await increment(worker, kept, options=options)
        there = await vm.qmp("query-block")
    await audit.close()
    first, second = read_chain(kept.path).chain.points
    told = [(c["execute"], c["arguments"]) for p in (first, second) for c in p.commands]
    assert told == sent(tmp_path / "audit.jsonl")
    assert len(told) == 2 * (5 if len(disks) == 1 else 10)
    assert (first.arguments, second.arguments) == (
        PointArguments(),
        PointArguments(speed=1 << 30, compress=True),
    )
    for point in (first, second):
        assert point.bitmap is not None
        assert point.bitmap.name == bitmap_name(kept.chain.id, point.serial)
        assert point.bitmap.persistent == (disks[-1].name,)
    # QEMU has it as it is told.
    assert {b["device"]: b["inserted"]["dirty-bitmaps"][0]["persistent"] for b in there} == {
        disk.name: disk.driver == "qcow2" for disk in disks
    }
    last = bitmap_name(kept.chain.id, second.serial)
    assert {b["inserted"]["dirty-bitmaps"][0]["name"] for b in there} == {last}


@pytest.mark.parametrize("grouped", [True, False])
async def test_several_disks_begin_in_two_transactions_or_in_one(
    qemu: QemuStarter, tmp_path: Path, place: Path, grouped: bool
) -> None:
    disks = [MirroredDisk.make(tmp_path, f"n{i}", "raw") for i in range(2)]
    vm = await qemu(*(option for disk in disks for option in disk.options))
    options = PointOptions(grouped=grouped)
    async with worker_of(vm, tmp_path / "history") as worker:
        async with worker.chains.begin(disks_of(worker, disks), place, options) as running:
            kept = await worker.chains.finish(running)
        moments = [as_it_was(disks)]
        for disk in disks:
            await disk.write(vm, STEP, STEP, 7)
        moments.append(as_it_was(disks))
        kept = await increment(worker, kept, options=options)
    add, start = "block-dirty-bitmap-add", "blockdev-backup"
    together = {"completion-mode": "grouped"}
    expected: list[Any] = [([add, add, start, start], None)]
    if grouped:
        expected = [([add, add], None), ([start, start], together)]
    for point in kept.chain.points:
        # These are what went over the line, as another test sees to.
        sent = [c["arguments"] for c in point.commands if c["execute"] == "transaction"]
        told = [([a["type"] for a in one["actions"]], one.get("properties")) for one in sent]
        assert told == expected
    await holds(kept, moments, tmp_path)
