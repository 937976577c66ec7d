"""A point that does not come to be leaves the chain as it was, and nothing of itself."""

import asyncio
import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.chain.disks import SIZE, STEP, MirroredDisk
from tests.chain.test_points import as_it_was, bitmaps, full, holds, increment
from tests.cli.running import ROOT
from tests.faults.scene import graph
from tests.qemu import QemuStarter, Vm, qemu_img
from tests.small import small_filesystem
from tests.waiting import until_answered
from tests.worker.disks import MIB
from tests.worker.watching import until, worker_of, written
from tui.agent import Freeze
from tui.chain.directory import Kept, chains_in, read_chain
from tui.chain.disks import NeedsFull, NotPossible
from tui.chain.lock import ChainBusy, alone_with
from tui.chain.manifest import bitmap_name
from tui.chain.options import PointOptions
from tui.qmp.errors import CommandRefused
from tui.worker.point import NotRecorded, PointFailed

SLOWLY = PointOptions(speed=1)
"""The first chunk is copied at once, the next one never."""


async def two(qemu: QemuStarter, directory: Path, driver: str = "qcow2") -> tuple[Vm, Any]:
    """A VM with two disks."""
    disks = [MirroredDisk.make(directory, f"n{i}", driver) for i in range(2)]
    vm = await qemu(*disks[0].options, *disks[1].options)
    for disk in disks:
        await disk.write(vm, 0, 2 * MIB, 1)
    return vm, disks


def files(directory: Path) -> list[str]:
    """What is in a directory."""
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize("which", [0, 1])
async def test_a_cancelled_point_of_two_disks(
    qemu: QemuStarter, tmp_path: Path, place: Path, which: int
) -> None:
    vm, disks = await two(qemu, tmp_path)
    async with worker_of(vm, tmp_path / "history") as worker:
        kept = await full(worker, disks, place)
        moment = as_it_was(disks)
        before = files(place), await bitmaps(vm), await graph(vm)
        for disk in disks:
            await disk.write(vm, 0, 3 * MIB, 2)
        async with worker.chains.go_on(kept, SLOWLY) as running:
            await until(worker, lambda: (j := worker.snapshot.job(running.job_ids[0])) and j.type)
            await worker.cancel(running.job_ids[which])
            told = [
                f"n{n}: cancelled by us{'' if n == which else f' (with n{which})'}" for n in (0, 1)
            ]
            with pytest.raises(PointFailed, match=re.escape("; ".join(told))):
                await worker.chains.finish(running)
        assert (files(place), await bitmaps(vm), await graph(vm)) == before
        # What was written since the last complete point is not forgotten.
        later = as_it_was(disks)
        kept = await increment(worker, kept)
    await holds(kept, [moment, later], tmp_path)


async def test_a_full_target_fails_all_disks_and_loses_nothing(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm, disks = await two(qemu, tmp_path)
    with small_filesystem(tmp_path / "small", 7 * MIB) as place:
        async with worker_of(vm, tmp_path / "history") as worker:
            kept = await full(worker, disks, place)
            moment = as_it_was(disks)
            before = files(place), await bitmaps(vm), await graph(vm)
            for disk in disks:
                await disk.write(vm, 0, 2 * MIB, 3)
            with pytest.raises(PointFailed, match="No space left on device"):
                await increment(worker, kept)
            assert (files(place), await bitmaps(vm), await graph(vm)) == before
            await disks[0].write(vm, 0, STEP, 4)
        await holds(read_chain(kept.path), [moment], tmp_path)


async def test_a_point_that_cannot_be_put_on_record_is_complete_as_soon_as_it_can(
    qemu: QemuStarter, tmp_path: Path, place: Path
) -> None:
    vm, disks = await two(qemu, tmp_path)
    async with worker_of(vm, tmp_path / "history") as worker:
        kept = await full(worker, disks, place)
        moment = as_it_was(disks)
        await disks[0].write(vm, 0, STEP, 3)
        later = as_it_was(disks)
        async with worker.chains.go_on(kept) as running:
            in_the_way = place / f".{kept.path.name}.1"
            in_the_way.mkdir()
            with pytest.raises(NotRecorded, match=r"^Point 2 is copied whole, but .*\.json cannot"):
                await worker.chains.finish(running)
        await holds(read_chain(kept.path), [moment], tmp_path)
        with pytest.raises(NotRecorded, match="Point 2 is copied whole"):
            await increment(worker, kept)
        in_the_way.rmdir()
        kept = await increment(worker, kept)
        await holds(kept, [moment, later, later], tmp_path)


async def test_who_had_to_end_because_another_failed_is_told_so(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm, disks = await two(qemu, tmp_path)
    history = tmp_path / "history"
    with small_filesystem(tmp_path / "small", 7 * MIB) as place:
        async with worker_of(vm, history) as worker:
            kept = await full(worker, disks, place)
            # What the second disk has fits, and is done before the first one fails.
            await disks[0].write(vm, 0, 4 * MIB, 3)
            with pytest.raises(PointFailed, match="No space left on device") as raised:
                await increment(worker, kept)
    assert "n1: cancelled with the others, because n0 failed" in str(raised.value)
    details = {line["device"]: line["detail"] for line in written(history)[-2:]}
    assert details["n1"] == "with the others, because n0 failed"
    assert "No space left" in details["n0"]


async def test_of_disks_that_end_by_themselves_one_that_fails_drops_the_whole_point(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm, disks = await two(qemu, tmp_path)
    alone = PointOptions(grouped=False)
    with small_filesystem(tmp_path / "small", 7 * MIB) as place:
        async with worker_of(vm, tmp_path / "history") as worker:
            kept = await full(worker, disks, place)
            moment = as_it_was(disks)
            before = files(place), await bitmaps(vm), await graph(vm)
            await disks[0].write(vm, 0, 4 * MIB, 3)
            with pytest.raises(PointFailed, match=r"^n0: failed .*No space left on device$"):
                await increment(worker, kept, options=alone)
            assert (files(place), await bitmaps(vm), await graph(vm)) == before
        await holds(read_chain(kept.path), [moment], tmp_path)


async def test_what_a_killed_blockdeck_left_half_written_goes_with_the_next_point(
    qemu: QemuStarter, tmp_path: Path, place: Path
) -> None:
    disk = MirroredDisk.make(tmp_path, "n0", "raw")
    vm = await qemu(*disk.options)
    async with worker_of(vm, tmp_path / "history") as worker:
        kept = await full(worker, [disk], place)
        other = place / ".blockdeck-00000000.chain.json.99999999"
        for draft in (place / f".{kept.path.name}.99999999", other):
            draft.write_text("{")
        await increment(worker, kept)
    assert [name for name in files(place) if name.startswith(".")] == [other.name]


async def test_a_start_that_is_refused_leaves_no_file_no_node_and_no_bitmap(
    qemu: QemuStarter, tmp_path: Path, place: Path
) -> None:
    vm, disks = await two(qemu, tmp_path)
    async with worker_of(vm, tmp_path / "history") as worker:
        kept = await full(worker, disks, place)
        before = files(place), await bitmaps(vm), await graph(vm)
        node = (await vm.qmp("query-block"))[1]["inserted"]["node-name"]
        theirs = {"node": node, "name": bitmap_name(kept.chain.id, 2)}

        @contextlib.asynccontextmanager
        async def another_is_quicker() -> AsyncIterator[Freeze]:
            """The bitmap of the second disk is there the moment before the transaction."""
            await vm.qmp("block-dirty-bitmap-add", theirs)
            yield Freeze()

        begun = worker.chains.go_on(kept, freeze=another_is_quicker)
        with pytest.raises(CommandRefused, match="Bitmap already exists"):
            await begun.__aenter__()
        assert (files(place), await bitmaps(vm), await graph(vm)) == before
        assert await vm.qmp("query-jobs") == []
        assert not worker.snapshot.live_jobs
        assert read_chain(kept.path) == kept


async def test_without_room_for_the_second_image_nothing_is_left_of_the_first(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm, disks = await two(qemu, tmp_path)
    with small_filesystem(tmp_path / "small", 256 << 10) as place:
        async with worker_of(vm, tmp_path / "history") as worker:
            before = await graph(vm)
            with pytest.raises(CommandRefused, match="No space left"):
                await full(worker, disks, place)
            assert (files(place), await bitmaps(vm)) == ([], {"n0": [], "n1": []})

            async def is_clean() -> bool:
                return await graph(vm) == before

            # QEMU 5.2 holds on to the file for a while.
            await until_answered(is_clean, within=60)


async def test_a_bitmap_that_a_killed_blockdeck_left_is_no_obstacle(
    qemu: QemuStarter, tmp_path: Path, place: Path
) -> None:
    vm, disks = await two(qemu, tmp_path)
    async with worker_of(vm, tmp_path / "history") as worker:
        kept = await full(worker, disks, place)
        node = (await vm.qmp("query-block"))[1]["inserted"]["node-name"]
        name = bitmap_name(kept.chain.id, 2)
        await vm.qmp("block-dirty-bitmap-add", node=node, name=name)
        kept = await increment(worker, kept)
    assert kept.chain.last is not None
    assert kept.chain.last.serial == 2
    assert await bitmaps(vm) == {"n0": [name], "n1": [name]}


async def test_an_image_too_old_for_lasting_bitmaps_has_passing_ones(
    qemu: QemuStarter, tmp_path: Path, place: Path
) -> None:
    disk = MirroredDisk(name="n0", path=tmp_path / "old.qcow2", driver="qcow2")
    qemu_img("create", "-q", "-f", "qcow2", "-o", "compat=0.10", disk.path, str(SIZE))
    vm = await qemu(*disk.options)
    async with worker_of(vm, tmp_path / "history") as worker:
        kept = await full(worker, [disk], place)
        first = as_it_was([disk])
        await disk.write(vm, 0, STEP, 4)
        kept = await increment(worker, kept)
    await holds(kept, [first, as_it_was([disk])], tmp_path)


async def test_nothing_is_overwritten(qemu: QemuStarter, tmp_path: Path, place: Path) -> None:
    vm, disks = await two(qemu, tmp_path)
    async with worker_of(vm) as worker:
        kept = await full(worker, disks[:1], place)
        (image,) = kept.chain.points[0].images.values()
        theirs = place / image.file.replace("-0001", "-0002")
        theirs.write_text("theirs")
        with pytest.raises(NotPossible, match="is there already: nothing is overwritten"):
            await increment(worker, kept)
    assert theirs.read_text() == "theirs"
    assert chains_in(place)[0] == (kept,)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("block-dirty-bitmap-remove", "has lost the bitmap"),
        ("block-dirty-bitmap-disable", "was disabled: it missed writes"),
    ],
)
async def test_a_bitmap_of_no_use_is_told_of_and_a_full_point_can_be_made(
    qemu: QemuStarter, tmp_path: Path, place: Path, harm: str, told: str
) -> None:
    vm, disks = await two(qemu, tmp_path)
    async with worker_of(vm) as worker:
        kept = await full(worker, disks, place)
        moment = as_it_was(disks)
        node = (await vm.qmp("query-block"))[1]["inserted"]["node-name"]
        await vm.qmp(harm, node=node, name=bitmap_name(kept.chain.id, 1))
        await disks[1].write(vm, 0, STEP, 8)
        with pytest.raises(NeedsFull, match=told):
            await increment(worker, kept)
        later = as_it_was(disks)
        kept = await increment(worker, kept, full=True)
        await disks[1].write(vm, STEP, STEP, 9)
        last = as_it_was(disks)
        kept = await increment(worker, kept)
    assert [point.parent for point in kept.chain.points] == [None, None, 2]
    await holds(kept, [moment, later, last], tmp_path)


async def test_a_resized_disk_needs_a_full_point(
    qemu: QemuStarter, tmp_path: Path, place: Path
) -> None:
    vm, disks = await two(qemu, tmp_path, "raw")
    async with worker_of(vm) as worker:
        kept = await full(worker, disks, place)
        await vm.qmp("block_resize", device="n0", size=8 * MIB)
        disks[0].content.extend(bytes(4 * MIB))
        with pytest.raises(NeedsFull, match="n0 was resized, from 4,194,304 to 8,388,608 bytes"):
            await increment(worker, kept)
        resized = as_it_was(disks)
        kept = await increment(worker, kept, full=True)
        await disks[0].write(vm, 7 * MIB, STEP, 5)
        kept = await increment(worker, kept)
        moment = as_it_was(disks)
    await holds(Kept(kept.path, kept.chain.without_point(1)), [resized, moment], tmp_path)


async def test_a_killed_qemu_keeps_what_was_complete(
    qemu: QemuStarter, tmp_path: Path, place: Path
) -> None:
    vm, disks = await two(qemu, tmp_path)
    async with worker_of(vm, tmp_path / "history") as worker:
        kept = await full(worker, disks, place)
        moment = as_it_was(disks)
        before = files(place)
        for disk in disks:
            await disk.write(vm, 0, 3 * MIB, 2)
        async with worker.chains.go_on(kept, SLOWLY) as running:
            await vm.kill()
            with pytest.raises(PointFailed, match="lost"):
                await worker.chains.finish(running)
    assert files(place) == before
    again = await qemu(*disks[0].options, *disks[1].options)
    async with worker_of(again, tmp_path / "history") as worker:
        with pytest.raises(NeedsFull, match=r"inconsistent|has lost the bitmap"):
            await increment(worker, kept)
        kept = await increment(worker, kept, full=True)
    await holds(Kept(kept.path, kept.chain.without_point(2)), [moment], tmp_path)


async def gone(vm: Vm) -> bool:
    """Whether its process has ended."""
    return not psutil.pid_exists(vm.pid) or psutil.Process(vm.pid).status() == "zombie"


async def test_a_clean_restart_of_the_vm_goes_on_where_it_was(
    qemu: QemuStarter, tmp_path: Path, place: Path
) -> None:
    vm, disks = await two(qemu, tmp_path)
    async with worker_of(vm) as worker:
        kept = await full(worker, disks, place)
        moment = as_it_was(disks)
        await disks[0].write(vm, 0, STEP, 6)
    await vm.qmp("quit")
    await until_answered(lambda: gone(vm))
    again = await qemu(*disks[0].options, *disks[1].options)
    async with worker_of(again) as worker:
        await disks[1].write(again, 0, STEP, 7)
        later = as_it_was(disks)
        kept = await increment(worker, kept)
    assert kept.chain.points[1].parent == 1
    await holds(kept, [moment, later], tmp_path)


async def test_one_at_a_time_works_on_a_chain_and_others_in_its_directory(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm, disks = await two(qemu, tmp_path)
    async with worker_of(vm) as worker:
        kept = await full(worker, disks[:1], tmp_path)
        with alone_with(kept.path):
            with pytest.raises(ChainBusy):
                await increment(worker, kept)
            other = await full(worker, disks[1:], tmp_path)
        assert other.path != kept.path
        await increment(worker, kept)
    assert not list(tmp_path.glob(".*.lock"))


async def test_what_another_made_of_a_chain_since_it_was_read_is_kept(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm, disks = await two(qemu, tmp_path)
    async with worker_of(vm) as worker:
        first = await full(worker, disks, tmp_path)
        await increment(worker, first)
        third = await increment(worker, first)
    assert [point.parent for point in third.chain.points] == [None, 1, 2]


def blockdeck_next(vm: Vm, place: Path) -> "subprocess.Popen[bytes]":
    """A BlockDeck that makes an increment, slowly."""
    words = ["chain", "next", str(vm.monitor), str(place), "--speed", "1"]
    return subprocess.Popen(
        [sys.executable, "-m", "tui", *words],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


async def ended_by(vm: Vm, condition: Callable[[], bool]) -> None:
    """Wait for a condition, without blocking the loop."""

    async def look() -> bool:
        return condition()

    await until_answered(look)


@pytest.mark.slow
@pytest.mark.parametrize("end", ["succeeded", "cancelled", "seen by another"])
async def test_after_a_killed_blockdeck_the_point_is_sorted_out(
    qemu: QemuStarter, tmp_path: Path, place: Path, own_home: Path, end: str
) -> None:
    vm, disks = await two(qemu, tmp_path)
    history = own_home / "state/blockdeck/history"
    async with worker_of(vm, history) as worker:
        kept = await full(worker, disks, place)
    moment = as_it_was(disks)
    before = await graph(vm)
    for disk in disks:
        await disk.write(vm, 0, 3 * MIB, 2)
    later = as_it_was(disks)
    process = blockdeck_next(vm, place)
    jobs = await until_answered(lambda: vm.qmp("query-block-jobs"))
    process.send_signal(signal.SIGKILL)
    await asyncio.to_thread(process.wait)
    for disk in disks:
        await disk.write(vm, 3 * MIB, STEP, 3)
    last = as_it_was(disks)
    if end == "seen by another":
        # It knows nothing of chains, but keeps a record.
        async with worker_of(vm, history) as other:
            for job in jobs:
                await vm.qmp("block-job-set-speed", device=job["device"], speed=0)
            await until(other, lambda: all(j.status == "null" for j in other.snapshot.jobs))
    elif end == "succeeded":
        for job in jobs:
            await vm.qmp("block-job-set-speed", device=job["device"], speed=0)
    else:
        await vm.qmp("block-job-cancel", device=jobs[0]["device"])

    async def over() -> bool:
        return all(job["status"] == "concluded" for job in await vm.qmp("query-jobs"))

    await until_answered(over)
    async with worker_of(vm, history) as worker:
        kept = await increment(worker, read_chain(kept.path))
        names = await bitmaps(vm)
    moments = [moment, last] if end == "cancelled" else [moment, later, last]
    assert names == {d.name: [bitmap_name(kept.chain.id, len(moments))] for d in disks}
    assert await graph(vm) == before
    assert len(files(place)) == 2 * len(moments) + 1
    await holds(kept, moments, tmp_path)
