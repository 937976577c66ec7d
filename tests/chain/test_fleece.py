"""Fleecing of several disks of a running guest: one moment, no pause, nothing left behind."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.chain.points import Mirror, State, check_points, drives, held, make_disks
from tests.chain.sequences import can_fleece
from tests.faults.scene import graph, is_clean
from tests.fleecing import firmware_is_through
from tests.qemu import QemuStarter, Refused
from tests.small import small_filesystem
from tests.waiting import until_answered
from tests.worker.disks import KIB, MIB
from tests.worker.test_fleece import gone_by
from tests.worker.watching import BRISK, until, worker_of
from tui.agent import Freeze
from tui.chain.directory import Kept, write_chain
from tui.chain.disks import new_chain
from tui.chain.options import PointOptions
from tui.chain.plan import plan_full
from tui.qmp.errors import CommandRefused
from tui.worker import VmWorker
from tui.worker.point import PointFailed, RunningPoint

pytestmark = pytest.mark.skipif(not can_fleece(), reason="this QEMU cannot fleece")
SIZE = MIB
SLOW = 1
"""Bytes a second: the copy waits after its first piece, which is all of a disk of this size."""


@pytest.fixture
def fast(tmp_path: Path) -> Path:
    """A directory on fast storage."""
    (tmp_path / "fast").mkdir()
    return tmp_path / "fast"


async def two(qemu: QemuStarter, directory: Path, size: int = SIZE) -> Mirror:
    """A running VM with two disks at devices, one of them in an I/O thread."""
    disks = make_disks(directory, ["raw", "raw"], size)
    content = held(disks)
    options = drives(disks, plugged=True)
    options[-1] += ",iothread=t"
    vm = await qemu("-object", "iothread,id=t", *options)
    await vm.qmp("cont")
    await firmware_is_through(vm)
    return Mirror(vm, content)


@pytest.fixture
async def mirror(qemu: QemuStarter, tmp_path: Path) -> Mirror:
    """As `two`."""
    return await two(qemu, tmp_path)


@pytest.fixture
async def worker(mirror: Mirror, tmp_path: Path) -> AsyncIterator[VmWorker]:
    """A worker that watches it."""
    async with worker_of(mirror.vm, tmp_path / "history") as watching:
        yield watching


async def amid_writes(
    mirror: Mirror, point: AbstractAsyncContextManager[RunningPoint]
) -> tuple[RunningPoint, list[State]]:
    """Begin a point while the disks are written to in turns; tells all moments meanwhile."""
    moments, number = [mirror.now()], 0
    begun = asyncio.ensure_future(point.__aenter__())
    while not begun.done():
        await mirror.write(f"d{number % 2}", number % 60 * 16 * KIB, 16 * KIB, 1 + number % 250)
        moments.append(mirror.now())
        number += 1
    return begun.result(), moments


async def test_all_disks_are_of_one_moment_and_the_guest_is_not_stopped(
    mirror: Mirror, worker: VmWorker, fast: Path, place: Path
) -> None:
    vm, options = mirror.vm, PointOptions(fleece=str(fast))
    before = await graph(vm)
    first = worker.chains.begin(worker.snapshot.devices, place, options)
    running, moments = await amid_writes(mirror, first)
    assert list(fast.iterdir()) == []
    mirror.points[running.chain.id, 1] = moments
    kept = await worker.chains.finish(running)
    await first.__aexit__(None, None, None)
    for serial in (2, 3):
        increment = worker.chains.go_on(kept, options)
        running, moments = await amid_writes(mirror, increment)
        mirror.points[running.chain.id, serial] = moments
        kept = await worker.chains.finish(running)
        await increment.__aexit__(None, None, None)
    assert check_points(kept, mirror) == [1, 2, 3]
    assert [point.parent for point in kept.chain.points] == [None, 1, 2]
    await is_clean(vm, before)
    assert (await vm.qmp("query-status"))["status"] == "running"
    assert "STOP" not in {event["event"] for event in vm.events}


@pytest.mark.parametrize("fmt", ["raw", "qcow2"])
async def test_what_the_guest_zeroes_meanwhile_stays_out_of_the_point(
    qemu: QemuStarter, tmp_path: Path, fast: Path, place: Path, fmt: str
) -> None:
    # On 7.2 the past of such clusters reads rightly, but is told to be zeroes.
    disks = make_disks(tmp_path, [fmt], 4 * MIB)
    content = held(disks)
    mirror = Mirror(await qemu(*drives(disks, plugged=True)), content)
    await mirror.vm.qmp("cont")
    async with worker_of(mirror.vm) as worker:
        options = PointOptions(speed=SLOW, fleece=str(fast))
        async with worker.chains.begin(worker.snapshot.devices, place, options) as running:
            mirror.points[running.chain.id, 1] = [mirror.now()]
            await mirror.write("d0", MIB + 50 * KIB, 200 * KIB, 0)
            # A flush, after which a raw file tells of its zeroes, too.
            command = 'qemu-io d0 "flush"'
            await mirror.vm.qmp("human-monitor-command", command_line=command)
            await letting_go(mirror, running)
            kept = await worker.chains.finish(running)
    assert check_points(kept, mirror) == [1]
    (image,) = kept.chain.points[0].images.values()
    # The half of the disk that always was zeroes takes no room.
    assert (image.allocated or 0) < 3 * MIB


async def test_a_guest_that_was_paused_stays_paused(
    mirror: Mirror, worker: VmWorker, fast: Path, place: Path
) -> None:
    await mirror.vm.qmp("stop")
    options = PointOptions(fleece=str(fast))
    async with worker.chains.begin(worker.snapshot.devices, place, options) as running:
        mirror.points[running.chain.id, 1] = [mirror.now()]
        kept = await worker.chains.finish(running)
    assert check_points(kept, mirror) == [1]
    assert (await mirror.vm.qmp("query-status"))["status"] == "paused"


async def test_meanwhile_each_disk_is_shown_as_it_is(
    qemu: QemuStarter, tmp_path: Path, fast: Path, place: Path
) -> None:
    mirror = await two(qemu, tmp_path, 4 * MIB)
    async with worker_of(mirror.vm) as worker:
        devices = worker.snapshot.devices
        options = PointOptions(speed=SLOW, fleece=str(fast))
        async with worker.chains.begin(devices, place, options) as running:
            await worker.refresh()
            for device, disk in zip(worker.snapshot.devices, devices, strict=True):
                assert device.medium is not None
                assert disk.medium is not None
                assert device.medium.node_name == disk.medium.node_name
                assert device.medium.driver == "raw"
                assert [b.name for b in device.medium.bitmaps] == [
                    f"blockdeck-{running.chain.id}-1"
                ]
                # Another backup would put a filter between the device and ours.
                assert device.obstacle == f"busy with job {device.jobs[0]}"
            await worker.cancel(running.job_ids[0])
            with pytest.raises(PointFailed):
                await worker.chains.finish(running)


@pytest.mark.parametrize("which", [0, 1])
async def test_a_cancelled_point_leaves_nothing(
    qemu: QemuStarter, tmp_path: Path, fast: Path, place: Path, which: int
) -> None:
    mirror = await two(qemu, tmp_path, 4 * MIB)
    before = await graph(mirror.vm)
    async with worker_of(mirror.vm) as worker:
        devices = worker.snapshot.devices
        options = PointOptions(speed=SLOW, fleece=str(fast))
        async with worker.chains.begin(devices, place, options) as running:
            await until(worker, lambda: all(worker.snapshot.job(j) for j in running.job_ids))
            for name in mirror.disks:
                await mirror.write(name, MIB, MIB, 0xB)
            await worker.cancel(running.job_ids[which])
            with pytest.raises(PointFailed, match="cancelled"):
                await worker.chains.finish(running)
    await is_clean(mirror.vm, before)
    assert [*fast.iterdir(), *place.iterdir()] == []
    await mirror.write("d1", 0, MIB, 0xC)


async def test_full_fast_storage_fails_the_point_and_no_write_of_the_guest(
    qemu: QemuStarter, tmp_path: Path, place: Path
) -> None:
    mirror = await two(qemu, tmp_path, 4 * MIB)
    before = await graph(mirror.vm)
    with small_filesystem(tmp_path / "small", 2 * MIB) as small:
        async with worker_of(mirror.vm) as worker:
            devices = worker.snapshot.devices
            async with worker.chains.begin(devices, place) as running:
                mirror.points[running.chain.id, 1] = [mirror.now()]
                kept = await worker.chains.finish(running)
            options = PointOptions(speed=SLOW, fleece=str(small))
            async with worker.chains.go_on(kept, options, full=True) as running:
                for name in mirror.disks:
                    await mirror.write(name, 0, 4 * MIB, 0xB)
                await letting_go(mirror, running)
                with pytest.raises(PointFailed, match="failed"):
                    await worker.chains.finish(running)
            await is_clean(mirror.vm, before)
            # What was written meanwhile is in the next point.
            async with worker.chains.go_on(kept) as running:
                mirror.points[running.chain.id, 2] = [mirror.now()]
                kept = await worker.chains.finish(running)
        assert list(small.iterdir()) == []
    assert check_points(kept, mirror) == [1, 2]


async def test_a_full_target_fails_the_point_and_no_write_of_the_guest(
    qemu: QemuStarter, tmp_path: Path, fast: Path
) -> None:
    mirror = await two(qemu, tmp_path, 4 * MIB)
    before = await graph(mirror.vm)
    options = PointOptions(speed=SLOW, fleece=str(fast))
    with small_filesystem(tmp_path / "small", 3 * MIB) as small:
        async with worker_of(mirror.vm) as worker:
            devices = worker.snapshot.devices
            async with worker.chains.begin(devices, small, options) as running:
                for name in mirror.disks:
                    await mirror.write(name, 0, 4 * MIB, 0xB)
                await letting_go(mirror, running)
                with pytest.raises(PointFailed, match="No space left"):
                    await worker.chains.finish(running)
        assert list(small.iterdir()) == []
    await is_clean(mirror.vm, before)
    assert (await mirror.vm.qmp("query-status"))["status"] == "running"


async def letting_go(mirror: Mirror, running: RunningPoint) -> None:
    """Let the copy run."""
    for job_id in running.job_ids:
        # It may have ended with the other one.
        with contextlib.suppress(Refused):
            await mirror.vm.qmp("block-job-set-speed", device=job_id, speed=0)


async def test_a_switch_that_is_refused_leaves_nothing(
    mirror: Mirror, worker: VmWorker, fast: Path, place: Path
) -> None:
    vm, before = mirror.vm, await graph(mirror.vm)

    @contextlib.asynccontextmanager
    async def another_tidies_up() -> AsyncIterator[Freeze]:
        """The filter of the second disk goes the moment before it is needed."""
        _, last = sorted(name for _, name in await graph(vm) if name.endswith("-c"))
        await vm.qmp("blockdev-del", node_name=last)
        yield Freeze()

    options = PointOptions(fleece=str(fast))
    devices = worker.snapshot.devices
    begun = worker.chains.begin(devices, place, options, another_tidies_up)
    with pytest.raises(CommandRefused, match="Cannot find device"):
        await begun.__aenter__()
    await is_clean(vm, before)
    assert [*fast.iterdir(), *place.iterdir()] == []
    for name in mirror.disks:
        await mirror.write(name, 0, MIB, 0xC)


@pytest.mark.parametrize("node", [None, "-j", "-w"], ids=["made", "opened", "on its disk"])
async def test_of_a_point_that_was_cut_off_nothing_is_left(
    mirror: Mirror, worker: VmWorker, fast: Path, place: Path, node: str | None
) -> None:
    vm, before = mirror.vm, await graph(mirror.vm)
    chain = new_chain(worker.snapshot, worker.snapshot.devices)
    plan = plan_full(worker.snapshot, chain, place, PointOptions(fleece=str(fast)))
    # As a BlockDeck leaves it that is killed before the file has lost its name.
    path = write_chain(place, plan.chain)
    for step in next(iter(plan.plans.values())).prepare:
        await vm.qmp(step["execute"], step["arguments"])
        if step["execute"] == "blockdev-create":
            await gone_by(vm, step["arguments"]["job-id"])
        if node is None and list(fast.iterdir()):
            break
        if node is not None and str(step["arguments"].get("node-name")).endswith(node):
            break
    assert len(list(fast.iterdir())) == 1
    async with worker.chains.take_up(Kept(path, plan.chain)) as left:
        assert isinstance(left, Kept)
    assert [*fast.iterdir(), *place.iterdir()] == []
    assert await graph(vm) == before


@pytest.mark.parametrize("as_far_as", ["prepared", "switched", "seen"])
async def test_what_was_put_on_the_disks_without_a_job_is_taken_off(
    mirror: Mirror, fast: Path, place: Path, as_far_as: str
) -> None:
    vm, before = mirror.vm, await graph(mirror.vm)
    async with worker_of(vm) as worker:
        chain = new_chain(worker.snapshot, worker.snapshot.devices)
        plan = plan_full(worker.snapshot, chain, place, PointOptions(fleece=str(fast)))
    plans = tuple(plan.plans.values())
    steps = [step for one in plans for step in one.prepare]
    if as_far_as != "prepared":
        steps += plan.before
    if as_far_as == "seen":
        steps += [step for one in plans for step in one.enter]
    # As a BlockDeck leaves it that is killed there.
    for step in steps:
        await vm.qmp(step["execute"], step["arguments"])
        if step["execute"] == "blockdev-create":
            await gone_by(vm, step["arguments"]["job-id"])
    assert await graph(vm) != before
    async with worker_of(vm, pace=BRISK._replace(inventory=0.1, orphan=0.3)):

        async def swept() -> bool:
            return await graph(vm) == before

        await until_answered(swept)
    for name in mirror.disks:
        await mirror.write(name, 0, MIB, 0xC)
