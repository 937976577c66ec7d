"""Whichever way a backup is carried out, it gives the same image, header and all."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import QemuStarter, Vm, qemu_img
from tests.worker.disks import KIB, MIB, drive, overlay, pattern
from tests.worker.watching import J, backup, ended, worker_of
from tui.backup.way import Way
from tui.vm.job import Job, Outcome
from tui.worker import VmWorker

PLACES = (0, 2 * MIB, 4 * MIB - 64 * KIB)
"""Where the guest writes 64 KiB during a backup."""

IDENTICAL = "Images are identical."


def target_of(vm: Vm, way: Way) -> str:
    """A target for each way."""
    return str(vm.directory / f"{way.value}.img")


def header(image: str) -> dict[str, Any]:
    """What the header of an image tells."""
    info = json.loads(qemu_img("info", "-U", "--output=json", image))
    told = ("format", "virtual-size", "cluster-size", "backing-filename")
    more = info.get("format-specific", {}).get("data", {})
    return {**{name: info.get(name) for name in (*told, "backing-filename-format")}, **more}


def data(image: str) -> list[tuple[int, int]]:
    """From where to where the image itself, not what it stands on, has data."""
    found: list[tuple[int, int]] = []
    for piece in json.loads(qemu_img("map", "-U", "--output=json", image)):
        start, end = piece["start"], piece["start"] + piece["length"]
        if piece["depth"] or not piece["data"]:
            continue
        if found and found[-1][1] == start:
            start = found.pop()[0]
        found.append((start, end))
    return found


async def amid_writes(worker: VmWorker, vm: Vm, way: Way, **more: Any) -> Job:
    """A slow backup of A, during which B is written and after which A is written back."""
    await worker.start(backup(vm, target=target_of(vm, way), speed=MIB, **more), way=way)
    for place in PLACES:
        await vm.write("d0", place, 64 * KIB, 0xB)
    if more.get("sync") == "none":
        await worker.cancel(J)
    else:
        await vm.qmp("block-job-set-speed", device=J, speed=0)
    job = await ended(worker)
    worker.clear_finished()
    for place in PLACES:
        await vm.write("d0", place, 64 * KIB, 0xA)
    return job


@pytest.mark.parametrize(
    ("sync", "image_format"),
    [("full", "raw"), ("full", "vmdk"), ("full", "qcow2"), ("top", "qcow2"), ("none", "qcow2")],
)
async def test_both_ways_give_the_same_image_while_the_guest_writes(
    qemu: QemuStarter, tmp_path: Path, sync: str, image_format: str
) -> None:
    base = pattern(tmp_path / "base.raw", 0xA)
    vm = await qemu(*drive(overlay(tmp_path / "top.qcow2", base, "raw"), "qcow2"))
    for place in PLACES:
        await vm.write("d0", place, 128 * KIB if place == 2 * MIB else 64 * KIB, 0xA)
    one, other = (target_of(vm, way) for way in Way)
    async with worker_of(vm) as worker:
        for way in Way:
            job = await amid_writes(worker, vm, way, sync=sync, format=image_format)
            expected = Outcome.CANCELLED if sync == "none" else Outcome.SUCCEEDED
            assert (job.outcome, job.target) == (expected, target_of(vm, way)), job.detail
    formats = ("-f", image_format, "-F", image_format)
    assert IDENTICAL in qemu_img("compare", "-U", "-s", *formats, one, other)
    whole = qemu_img("compare", "-U", "-f", image_format, "-F", "raw", other, base)
    assert IDENTICAL in whole
    if image_format == "qcow2":
        assert header(one) == header(other)
        assert data(one) == data(other)


async def test_both_ways_give_the_same_increment(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.qcow2", fmt="qcow2"), "qcow2"))
    full = pattern(tmp_path / "full.raw")
    for way in Way:
        overlay(Path(target_of(vm, way)), full, "raw")
        await vm.qmp("block-dirty-bitmap-add", node="d0", name=way.value)
    await vm.write("d0", 3 * MIB, 64 * KIB, 0xB)
    async with worker_of(vm) as worker:
        for way in Way:
            more = {"sync": "incremental", "bitmap": way.value, "mode": "existing"}
            await worker.start(backup(vm, target=target_of(vm, way), **more), way=way)
            job = await ended(worker)
            assert (job.outcome, job.len) == (Outcome.SUCCEEDED, 64 * KIB)
            worker.clear_finished()
    one, other = (target_of(vm, way) for way in Way)
    assert data(one) == data(other) == [(3 * MIB, 3 * MIB + 64 * KIB)]
    assert header(one) == header(other)
    assert IDENTICAL in qemu_img("compare", "-s", one, other)


async def test_what_the_guest_of_a_disk_with_snapshot_on_has_written_is_backed_up(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    origin = pattern(tmp_path / "d.raw")
    vm = await qemu("-drive", f"if=none,id=d0,file={origin},format=raw,snapshot=on")
    await vm.write("d0", MIB, 64 * KIB, 0xB)
    async with worker_of(vm) as worker:
        disk = worker.snapshot.device("d0")
        assert disk is not None
        assert disk.obstacle is None
        await worker.start(backup(vm), way=Way.BLOCKDEV)
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED
    content = bytearray(origin.read_bytes())
    assert content == bytes([0xA]) * 4 * MIB
    content[MIB : MIB + 64 * KIB] = bytes([0xB]) * 64 * KIB
    (tmp_path / "expected.raw").write_bytes(content)
    said = qemu_img("compare", vm.directory / "target.img", tmp_path / "expected.raw")
    assert IDENTICAL in said
