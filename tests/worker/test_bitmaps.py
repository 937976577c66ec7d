"""Dirty bitmaps are listed as they are, and changed only where QEMU lets them be."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import QemuStarter, Refused, Vm, qemu_img
from tests.waiting import until_answered
from tests.worker.disks import KIB, MIB, drive
from tests.worker.test_blockdev import in_state
from tests.worker.watching import worker_of
from tui.chain.bitmaps import hindrance
from tui.chain.manifest import bitmap_name
from tui.qmp.errors import CommandRefused, ReadOnly
from tui.vm.bitmap_acts import BitmapAct, BitmapSource, BitmapVerb, command_for
from tui.vm.bitmaps import Bitmap, bitmap_nodes, bitmaps_of
from tui.worker import VmWorker
from tui.worker.bitmaps import BitmapNotChanged

ADD, MERGE = BitmapVerb.ADD, BitmapVerb.MERGE
ON_ONE = (BitmapVerb.CLEAR, BitmapVerb.ENABLE, BitmapVerb.DISABLE, BitmapVerb.REMOVE)


def qcow2(path: Path, size: str = "4M", *bitmaps: str, node: str = "", more: str = "") -> list[str]:
    """A qcow2 disk, with persistent bitmaps; its node has this name."""
    qemu_img("create", "-q", "-f", "qcow2", path, size)
    for name in bitmaps:
        qemu_img("bitmap", "--add", path, name)
    name = node or path.stem
    return ["-drive", f"if=none,id={name},node-name=n-{name},format=qcow2,file={path}{more}"]


async def crashed(qemu: QemuStarter, disk: list[str]) -> None:
    """Open a disk and kill its QEMU: its bitmaps are inconsistent from now on."""
    await (await qemu(*disk)).kill()


def listed(worker: VmWorker) -> dict[str, Bitmap]:
    """The bitmaps by node and name."""
    found = bitmaps_of(bitmap_nodes(worker.snapshot))
    return {f"{one.node.name}/{one.name}": one for one in found}


@contextlib.asynccontextmanager
async def zoo(qemu: QemuStarter, tmp_path: Path) -> AsyncIterator[tuple[Vm, VmWorker]]:
    """A VM with a bitmap of each kind, and a job that uses one of them."""
    broken = qcow2(tmp_path / "inc.qcow2", "4M", "bad")
    await crashed(qemu, broken)
    vm = await qemu(
        *qcow2(tmp_path / "a.qcow2"),
        *qcow2(tmp_path / "b.qcow2"),
        *qcow2(tmp_path / "small.qcow2", "2M"),
        *qcow2(tmp_path / "ro.qcow2", "4M", "kept", more=",readonly=on"),
        *qcow2(tmp_path / "big.qcow2", "8T"),
        *broken,
        *("-drive", f"if=none,id=r,node-name=n-r,format=raw,file={raw(tmp_path / 'r.raw')}"),
    )
    for node, name, more in (
        ("n-a", "on", {}),
        ("n-a", "off", {"disabled": True}),
        ("n-a", "fine", {"granularity": 512}),
        ("n-a", "kept", {"persistent": True}),
        ("n-b", "busy", {}),
        ("n-b", "idle", {}),
        ("n-small", "small", {}),
        ("n-ro", "loose", {}),
    ):
        await vm.qmp("block-dirty-bitmap-add", node=node, name=name, **more)
    await vm.write("a", 0, MIB, 1)
    await vm.write("b", 0, 4 * MIB, 1)
    async with worker_of(vm) as worker:
        yield vm, worker


def raw(path: Path) -> Path:
    """A raw image."""
    qemu_img("create", "-q", "-f", "raw", path, "4M")
    return path


async def hold_busy(vm: Vm, tmp_path: Path) -> None:
    """Begin a job that uses a bitmap and does not get far."""
    arguments = {"bitmap": "busy", "sync": "incremental", "speed": 1, "format": "qcow2"}
    target = str(tmp_path / "t.qcow2")
    await vm.qmp("drive-backup", {**arguments, "device": "n-b", "job-id": "j", "target": target})
    await until_answered(in_state(vm, "running"))


async def says(vm: Vm, act: BitmapAct) -> str | None:
    """QEMU's refusal of an act that is undone in any case; None where it would do it."""
    command, arguments = command_for(act)
    if act.verb is BitmapVerb.ENABLE and act.name in ("", "none"):
        # In a transaction every QEMU dies of it.
        with pytest.raises(Refused) as alone:
            await vm.qmp(command, arguments)
        return str(alone.value)
    actions = [{"type": command, "data": arguments}, {"type": "abort", "data": {}}]
    with pytest.raises(Refused) as refused:
        await vm.qmp("transaction", actions=actions)
    said = str(refused.value)
    return None if said == "Transaction aborted using Abort action" else said


def acts() -> list[BitmapAct]:
    """What an operator could want, sensible or not."""
    several = [
        BitmapAct(verb, node, name)
        for verb in ON_ONE
        for node, name in (
            ("n-a", "on"),
            ("n-a", "off"),
            ("n-a", "kept"),
            ("n-a", "none"),
            ("n-a", ""),
            ("n-b", "busy"),
            ("n-b", "idle"),
            ("n-inc", "bad"),
            ("n-ro", "kept"),
            ("n-ro", "loose"),
        )
    ]
    for granularity in (0, 256, 512, 1000, 4096, 1 << 31):
        several.append(BitmapAct(ADD, "n-a", "new", granularity=granularity))
    for name in ("", "on", "x" * 1023, "x" * 1024, "ü" * 511, "ü" * 512):
        several.append(BitmapAct(ADD, "n-a", name))
    for node in ("n-a", "n-r", "n-ro", "n-big", "n-none"):
        several.append(BitmapAct(ADD, node, "new"))
    several.append(BitmapAct(ADD, "n-a", "new", persistent=True))
    several.append(BitmapAct(ADD, "n-r", "new", persistent=True))
    for granularity in (512, KIB, 2 * KIB, 64 * KIB):
        several.append(BitmapAct(ADD, "n-big", "new", granularity, persistent=True))
    for target, sources in (
        (("n-a", "on"), (("n-a", "off"),)),
        (("n-a", "on"), (("n-a", "fine"),)),
        (("n-a", "fine"), (("n-a", "on"), ("n-b", "idle"))),
        (("n-a", "on"), (("n-small", "small"),)),
        (("n-a", "on"), (("n-inc", "bad"),)),
        (("n-a", "on"), (("n-b", "busy"),)),
        (("n-a", "on"), (("n-a", "none"),)),
        (("n-a", "on"), (("n-ro", "kept"),)),
        (("n-b", "busy"), (("n-b", "idle"),)),
        (("n-inc", "bad"), (("n-a", "on"),)),
        (("n-ro", "kept"), (("n-ro", "loose"),)),
        (("n-ro", "loose"), (("n-ro", "kept"),)),
    ):
        named = tuple(BitmapSource(*source) for source in sources)
        several.append(BitmapAct(MERGE, *target, sources=named))
    return several


NEEDLESS = {"it records already", "it is disabled already"}
"""What QEMU would do, to no effect."""


async def test_the_rules_say_what_qemu_says(qemu: QemuStarter, tmp_path: Path) -> None:
    async with zoo(qemu, tmp_path) as (vm, worker):
        await hold_busy(vm, tmp_path)
        await worker.refresh()
        of_disk = [job.device for job in worker.snapshot.live_jobs]
        assert of_disk == ["b"]
        judged = 0
        for act in acts():
            ours, theirs = hindrance(act, worker.snapshot), await says(vm, act)
            if ours in NEEDLESS or (ours is not None and "QEMU 5" in ours):
                continue
            assert (ours is None) == (theirs is None), (act, ours, theirs)
            judged += 1
        assert judged > 55


async def test_what_qemu_would_do_and_must_not_be_asked_for(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    async with zoo(qemu, tmp_path) as (_, worker):
        # QEMU 7.2 and later die of it.
        with pytest.raises(BitmapNotChanged, match="choose what to merge"):
            await worker.change_bitmap(BitmapAct(MERGE, "n-a", "on"))
        # Up to 10.0 QEMU adds it, and cannot keep it.
        with pytest.raises(BitmapNotChanged, match="its image is read-only"):
            await worker.change_bitmap(BitmapAct(ADD, "n-ro", "new", persistent=True))
        with pytest.raises(BitmapNotChanged, match="the chains' own"):
            await worker.change_bitmap(BitmapAct(ADD, "n-a", bitmap_name("0123abcd", 1)))
        for name in ("line\nfeed", "\u202eevil"):
            with pytest.raises(BitmapNotChanged, match="can be seen"):
                await worker.change_bitmap(BitmapAct(ADD, "n-a", name))
        assert {b.name for b in listed(worker).values() if b.node.name == "n-a"} == {
            *("on", "off", "fine", "kept")
        }


async def test_every_bitmap_of_every_node_is_listed(qemu: QemuStarter, tmp_path: Path) -> None:
    async with zoo(qemu, tmp_path) as (vm, worker):
        found = listed(worker)
        assert set(found) == {
            *("n-a/on", "n-a/off", "n-a/fine", "n-a/kept", "n-b/busy", "n-b/idle"),
            *("n-small/small", "n-ro/loose", "n-ro/kept", "n-inc/bad"),
        }
        on, fine, bad = found["n-a/on"], found["n-a/fine"], found["n-inc/bad"]
        assert (on.node.disk, on.info.count, on.state) == ("a", MIB, "recording")
        assert (fine.info.granularity, fine.memory) == (512, 4 * MIB // 512 // 8)
        assert (found["n-a/off"].state, found["n-a/off"].info.count) == ("disabled", 0)
        assert found["n-a/kept"].info.persistent
        assert bad.state == "INCONSISTENT"
        # No event tells of it, but a look does.
        await vm.write("a", 2 * MIB, MIB, 1)
        await worker.refresh()
        assert listed(worker)["n-a/on"].info.count == 2 * MIB


async def test_a_busy_one_is_told_and_left_alone(qemu: QemuStarter, tmp_path: Path) -> None:
    async with zoo(qemu, tmp_path) as (vm, worker):
        await hold_busy(vm, tmp_path)
        await worker.refresh()
        blind = worker.snapshot.traps.listing_nodes_kills
        busy = listed(worker)["n-b/busy"]
        assert busy.state == ("recording?" if blind else "recording, busy")
        with pytest.raises(BitmapNotChanged, match="QEMU 5" if blind else "a job uses it"):
            await worker.change_bitmap(BitmapAct(BitmapVerb.REMOVE, "n-b", "busy"))
        # The filter of a job goes with it, and so would a bitmap on it.
        for node in bitmap_nodes(worker.snapshot):
            if node.of_job:
                with pytest.raises(BitmapNotChanged, match="the node is a job's"):
                    await worker.change_bitmap(BitmapAct(ADD, node.name, "new"))
        # On the disk's own node one can be added meanwhile, and outlives the job.
        await worker.change_bitmap(BitmapAct(ADD, "n-b", "new"))
        await vm.qmp("block-job-cancel", device="j", force=True)
        await until_answered(in_state(vm, "gone"))
        await worker.refresh()
        assert listed(worker)["n-b/new"].state == "recording"


async def test_each_act_does_what_it_says(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*qcow2(tmp_path / "a.qcow2"), *qcow2(tmp_path / "b.qcow2"))
    async with worker_of(vm) as worker:

        async def do(verb: BitmapVerb, name: str = "one", **more: Any) -> Bitmap | None:
            await worker.change_bitmap(BitmapAct(verb, "n-a", name, **more))
            return listed(worker).get(f"n-a/{name}")

        added = await do(ADD, granularity=4096, persistent=True, disabled=True)
        assert added is not None
        assert (added.info.granularity, added.info.persistent, added.state) == (
            *(4096, True),
            "disabled",
        )
        await vm.write("a", 0, MIB, 1)
        enabled = await do(BitmapVerb.ENABLE)
        assert enabled is not None
        assert (enabled.info.recording, enabled.info.count) == (True, 0)
        await vm.write("a", 0, MIB, 1)
        disabled = await do(BitmapVerb.DISABLE)
        assert disabled is not None
        assert (disabled.info.recording, disabled.info.count) == (False, MIB)
        await do(ADD, "two")
        merged = await do(MERGE, "two", sources=(BitmapSource("n-a", "one"),))
        assert merged is not None
        assert merged.info.count == MIB
        cleared = await do(BitmapVerb.CLEAR)
        assert cleared is not None
        assert cleared.info.count == 0
        assert await do(BitmapVerb.REMOVE) is None
        assert set(listed(worker)) == {"n-a/two"}


async def test_what_another_client_did_meanwhile_counts(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*qcow2(tmp_path / "a.qcow2", "4M", "kept"))
    async with worker_of(vm) as worker:
        await vm.qmp("block-dirty-bitmap-remove", node="n-a", name="kept")
        assert "n-a/kept" in listed(worker)
        with pytest.raises(BitmapNotChanged, match="there is no such bitmap"):
            await worker.change_bitmap(BitmapAct(BitmapVerb.CLEAR, "n-a", "kept"))
        assert listed(worker) == {}


async def test_qemu_s_refusal_is_told(qemu: QemuStarter, tmp_path: Path) -> None:
    # That it is of the old kind, which keeps no bitmaps, is not seen from outside.
    old = tmp_path / "old.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", "-o", "compat=0.10", old, "4M")
    vm = await qemu(*drive(old, "qcow2", "old"))
    async with worker_of(vm) as worker:
        (node,) = [n for n in bitmap_nodes(worker.snapshot) if n.disk == "old"]
        with pytest.raises(CommandRefused, match="qcow2 v2"):
            await worker.change_bitmap(BitmapAct(ADD, node.name, "new", persistent=True))
        # A disk without a node-name of its own is reached by the one that QEMU gave it.
        assert node.name.startswith("#")
        await worker.change_bitmap(BitmapAct(ADD, node.name, "new"))
        assert [b.node.disk for b in listed(worker).values()] == ["old"]


async def test_read_only_changes_nothing(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*qcow2(tmp_path / "a.qcow2", "4M", "kept"))
    async with worker_of(vm, read_only=True) as worker:
        with pytest.raises(ReadOnly):
            await worker.change_bitmap(BitmapAct(BitmapVerb.REMOVE, "n-a", "kept"))
        await worker.refresh()
        assert set(listed(worker)) == {"n-a/kept"}
