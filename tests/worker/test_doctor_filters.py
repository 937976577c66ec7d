"""Filters and dirty bitmaps that nobody uses: found, told of, and cleaned up where it can be."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.qemu import PC, QemuStarter, Refused, Vm, qemu_img
from tests.waiting import until_answered
from tests.worker.disks import blockdev, drive, pattern
from tests.worker.test_blockdev import nbd, nodes
from tests.worker.test_doctor import add_target, clean_all, found
from tests.worker.watching import worker_of
from tui.vm.leftover import Kind, Leftover
from tui.worker import VmWorker
from tui.worker.doctor import NotCleaned


async def has(vm: Vm, driver: str) -> bool:
    """Whether this QEMU knows a driver; it is asked without making anything."""
    try:
        await vm.qmp("blockdev-add", driver=driver, node_name="x", file="no-such-node", target="x")
    except Refused as refusal:
        return "Invalid parameter" not in str(refusal)
    return False


# --- filters -------------------------------------------------------------------------------------


def cbw(file: str, target: str) -> Mapping[str, str]:
    """A filter that no job uses."""
    return {"driver": "copy-before-write", "node-name": "cbw", "file": file, "target": target}


async def test_a_filter_above_nothing_goes(qemu: QemuStarter) -> None:
    vm = await qemu("-blockdev", "driver=null-co,node-name=disk,size=4194304")
    if not await has(vm, "copy-before-write"):
        pytest.skip("this QEMU has no such filter to be added")
    before = await nodes(vm)
    await add_target(vm)
    await vm.qmp("blockdev-add", cbw("disk", "t"))
    async with worker_of(vm) as worker:
        left = await found(worker)
        assert left["cbw"].kind is Kind.FILTER
        assert "No write passes through it" in left["cbw"].why
        # The bitmaps that it makes are its own.
        assert [one.kind for one in left.values()].count(Kind.BITMAP) == 0
        assert left["t"].after == ("cbw",)
        for name in ("cbw", "t", "t-f"):
            assert await worker.clean(left[name])
    assert await nodes(vm) == before


async def test_a_filter_on_a_disk_in_use_is_explained_and_left(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    probe = await qemu()
    if not await has(probe, "copy-before-write"):
        pytest.skip("this QEMU has no such filter to be added")
    with_snapshots = await has(probe, "snapshot-access")
    disk, target = pattern(tmp_path / "d.raw"), pattern(tmp_path / "t.raw")
    options = [*PC]
    for name, path in (("disk", disk), ("t", target)):
        file = {"driver": "file", "filename": str(path)}
        options += ["-blockdev", json.dumps({"driver": "raw", "node-name": name, "file": file})]
    options += ["-blockdev", json.dumps(cbw("disk", "t")), "-device", "virtio-blk,drive=cbw"]
    vm = await qemu(*options)
    async with worker_of(vm) as worker:
        left = await found(worker)
        assert list(left) == ["cbw"]
        assert left["cbw"].remedy is None
        assert "only who put it there can take it out" in left["cbw"].reason
        # Somebody reads what it saves.
        await vm.qmp("nbd-server-start", addr=nbd(vm.directory / "nbd.sock"))
        if with_snapshots:
            await vm.qmp("blockdev-add", driver="snapshot-access", node_name="old", file="cbw")
            await vm.qmp("block-export-add", type="nbd", id="e", node_name="old")
        else:
            await vm.qmp("block-export-add", type="nbd", id="e", node_name="t")
        assert await found(worker) == {}
        await vm.qmp("block-export-del", id="e")
        if with_snapshots:
            await until_answered(lambda: is_listed(worker, "old"))
            assert await worker.clean((await found(worker))["old"])
        await until_answered(lambda: is_listed(worker, "cbw"))
        assert {"cbw", "disk", "t"} <= set(await nodes(vm))
        # Its owner takes it out.
        device = "/machine/peripheral-anon/device[0]"
        await vm.qmp("qom-set", path=device, property="drive", value="disk")
        assert await clean_all(worker) == ["cbw", "t"]
    left_nodes = set(await nodes(vm))
    assert "disk" in left_nodes
    assert not {"cbw", "t", "old"} & left_nodes


async def is_listed(worker: VmWorker, title: str) -> bool:
    """Whether a fresh look finds it."""
    return title in await found(worker)


# --- bitmaps -------------------------------------------------------------------------------------


async def test_bitmaps_of_no_use_are_removed_and_others_explained(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    disk = drive(pattern(tmp_path / "d.qcow2", fmt="qcow2"), "qcow2")
    qemu_img("bitmap", "--add", tmp_path / "d.qcow2", "torn")
    crashed = await qemu(*disk)
    await crashed.kill()
    vm = await qemu(*disk)
    await add_bitmap(vm, "daily")
    await add_bitmap(vm, "kept", disabled=True)
    async with worker_of(vm) as worker:
        left = {one.name: one for one in (await found(worker)).values()}
        assert set(left) == {"torn", "kept"}
        assert "only its owner knows" in (left["kept"].hindrance or "")
        assert "inconsistent" in left["torn"].what
        assert await worker.clean(left["torn"])
        with pytest.raises(NotCleaned, match="only its owner knows"):
            await worker.clean(left["kept"])
    (block,) = await vm.qmp("query-block")
    assert {bitmap["name"] for bitmap in block["inserted"]["dirty-bitmaps"]} == {"daily", "kept"}


async def add_bitmap(vm: Vm, name: str, **more: object) -> None:
    """Add a bitmap to the node of `d0`, and have it on the disk."""
    (block,) = await vm.qmp("query-block")
    node = block["inserted"]["node-name"]
    await vm.qmp("block-dirty-bitmap-add", {"node": node, "name": name, **more})


async def test_a_bitmap_without_a_name_is_explained(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*PC, *blockdev(pattern(tmp_path / "n.qcow2", fmt="qcow2")))
    schema = await vm.qmp("query-migrate-capabilities")
    if "block" not in {one["capability"] for one in schema}:
        pytest.skip("this QEMU migrates no storage by itself")
    # It tracks what is written, and is not getting anywhere.
    await vm.qmp("migrate-set-parameters", max_bandwidth=1)
    await vm.qmp("migrate", uri="exec:cat >/dev/null", blk=True)
    async with worker_of(vm) as worker:

        async def is_found() -> Leftover | None:
            return (await found(worker)).get("(without a name) on n0")

        unnamed = await until_answered(is_found)
        assert unnamed is not None
        assert unnamed.remedy is None
        assert "no command reaches it" in unnamed.reason
        await vm.qmp("migrate_cancel")

        async def is_gone() -> bool:
            return await found(worker) == {}

        await until_answered(is_gone)
