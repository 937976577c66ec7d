"""The last point is held against the VM's own disk, as long as that has not gone on."""

import asyncio
import random
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.chain.disks import STEP, MirroredDisk
from tests.chain.test_points import full, increment
from tests.cli.running import blockdeck, finish, start
from tests.images.gate import Gate
from tests.qemu import PC, QemuStarter, Refused, Vm
from tests.waiting import until
from tests.worker.test_blockdev import nbd
from tests.worker.watching import worker_of
from tui.chain.directory import Kept
from tui.images.against_source import Likeness, SourceComparison, compare_with_source
from tui.images.errors import ImageError
from tui.worker import VmWorker
from tui.worker.marks import MARKS


@pytest.fixture
def shut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """A qemu-img that waits before it compares."""
    gate = Gate(tmp_path / "gate", "compare")
    monkeypatch.setenv("PATH", gate.path)
    return gate


@asynccontextmanager
async def chain_of(
    qemu: QemuStarter, tmp_path: Path, *drivers: str
) -> AsyncIterator[tuple[Vm, VmWorker, list[MirroredDisk], Kept]]:
    """A VM that stands, and a chain of two points of its disks."""
    disks = [MirroredDisk.make(tmp_path, f"n{i}", driver) for i, driver in enumerate(drivers)]
    vm = await qemu(*(option for disk in disks for option in disk.options))
    place = tmp_path / "backups"
    place.mkdir()
    async with worker_of(vm) as worker:
        await disks[0].write(vm, 0, 4 * STEP, 1)
        kept = await full(worker, disks, place)
        await disks[0].write(vm, STEP, STEP, 2)
        yield vm, worker, disks, await increment(worker, kept)


async def compared(worker: VmWorker, kept: Kept, disk: str = "n0") -> SourceComparison:
    return await compare_with_source(kept, disk, worker.serving.disk(kept.chain, disk))


async def serves_nothing(vm: Vm) -> bool:
    """Whether QEMU has no export and no server, and there is no directory for one."""
    assert await vm.qmp("query-block-exports") == []
    with pytest.raises(Refused, match="not running"):
        await vm.qmp("nbd-server-stop")
    return not places(vm)


async def no_marks(vm: Vm) -> bool:
    """Whether no disk has a bitmap that was made for a comparison."""
    blocks = await vm.qmp("query-block")
    found = [b["name"] for block in blocks for b in block["inserted"].get("dirty-bitmaps", [])]
    return MARKS not in found and len(found) == len(blocks)


def beside(kept: Kept) -> dict[str, int]:
    """How many images of each disk there are; of a chain nothing else lies there."""
    files = [path.name for path in kept.directory.iterdir() if path != kept.path]
    counted = {d.name: [f for f in files if f"-{d.name}-" in f] for d in kept.chain.disks}
    assert sorted(files) == sorted(name for names in counted.values() for name in names)
    return {name: len(names) for name, names in counted.items()}


def places(vm: Vm) -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"blockdeck-nbd-{vm.pid}-*"))


def flip(image: Path) -> None:
    """Another byte in the last cluster that was written."""
    data = bytearray(image.read_bytes())
    data[-5000] ^= 1
    image.write_bytes(data)


async def test_a_disk_that_has_not_gone_on_is_the_same_or_surely_is_not(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    async with chain_of(qemu, tmp_path, "qcow2", "raw") as (vm, worker, _, kept):
        for disk in ("n0", "n1"):
            found = await compared(worker, kept, disk)
            assert (found.likeness, found.point, found.written) == (Likeness.IDENTICAL, 2, 0)
        flip(kept.directory / kept.chain.points[1].images["n0"].file)
        other = await compared(worker, kept)
        assert other.likeness is Likeness.DIFFERENT
        assert "DIFFERENT: n0 at point 2" in other.sentence
        assert "mismatch at offset" in other.sentence
        assert await serves_nothing(vm)


async def test_a_disk_at_a_device_is_served_but_none_of_a_vm_with_iothreads(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    disk = MirroredDisk.make(tmp_path, "n0", "qcow2")
    vm = await qemu(*PC, *disk.options, "-device", "virtio-blk-pci,drive=n0")
    await vm.qmp("cont")
    await disk.write(vm, 0, STEP, 1)
    async with worker_of(vm) as worker:
        kept = await full(worker, [disk], tmp_path)
        assert (await compared(worker, kept)).likeness is Likeness.IDENTICAL
        if worker.snapshot.version_number < (10, 0):
            # QEMU 7.2 would end.
            await vm.qmp("object-add", qom_type="iothread", id="io")
            with pytest.raises(ImageError, match="This VM has iothreads"):
                await compared(worker, kept)
        assert await serves_nothing(vm)


async def test_what_was_not_written_since_is_compared(qemu: QemuStarter, tmp_path: Path) -> None:
    async with chain_of(qemu, tmp_path, "raw", "qcow2") as (vm, worker, disks, kept):
        for disk in disks:
            await disk.write(vm, 8 * STEP, 2 * STEP, 3)
            await disk.write(vm, 20 * STEP, STEP, 3)
            found = await compared(worker, kept, disk.name)
            assert (found.likeness, found.written) == (Likeness.UNWRITTEN, 3 * STEP)
            assert "but for 192 KiB that were written since" in found.sentence
            assert await serves_nothing(vm)
            assert await no_marks(vm)
        flip(kept.directory / kept.chain.points[1].images["n0"].file)
        found = await compared(worker, kept)
        assert (found.likeness, found.written) == (Likeness.DIFFERENT, 3 * STEP)
        assert "not written since" in found.sentence
        assert beside(kept) == {"n0": 2, "n1": 2}


async def test_the_same_written_again_is_no_difference(qemu: QemuStarter, tmp_path: Path) -> None:
    async with chain_of(qemu, tmp_path, "raw") as (vm, worker, (disk,), kept):
        await disk.write(vm, 0, STEP, 1)
        found = await compared(worker, kept)
        assert (found.likeness, found.written) == (Likeness.IDENTICAL, STEP)


async def test_of_a_disk_that_was_written_all_over_nothing_is_known(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    async with chain_of(qemu, tmp_path, "raw") as (vm, worker, (disk,), kept):
        await disk.write(vm, 0, len(disk.content), 9)
        found = await compared(worker, kept)
        assert (found.likeness, found.written) == (Likeness.GONE_ON, len(disk.content))
        assert "NOT COMPARED" in found.sentence


@pytest.mark.parametrize("act", ["compare", "rebase"])
async def test_a_write_meanwhile_is_no_difference(
    qemu: QemuStarter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    gate = Gate(tmp_path / "gate", act)
    monkeypatch.setenv("PATH", gate.path)
    async with chain_of(qemu, tmp_path, "raw") as (vm, worker, (disk,), kept):
        before = 0
        if act == "rebase":
            await disk.write(vm, 8 * STEP, STEP, 3)
            before = STEP
        comparing = asyncio.create_task(compared(worker, kept))
        await until(lambda: gate.reached)
        await disk.write(vm, 0, 2 * STEP, 3)
        gate.open()
        found = await comparing
        assert (found.likeness, found.written) == (Likeness.UNWRITTEN, before + 2 * STEP)
        assert await serves_nothing(vm)


async def test_writes_all_the_while_are_no_difference(qemu: QemuStarter, tmp_path: Path) -> None:
    disk = MirroredDisk.make(tmp_path, "n0", "qcow2")
    vm = await qemu(*PC, *disk.options, "-device", "virtio-blk-pci,drive=n0")
    await vm.qmp("cont")
    await disk.write(vm, 0, len(disk.content) // 2, 1)
    chance = random.Random(4)
    done = asyncio.Event()

    async def write() -> None:
        # A quarter of it stays as it was.
        while not done.is_set():
            offset = chance.randrange(3 * len(disk.content) // 4 // STEP) * STEP
            await disk.write(vm, offset, chance.randrange(1, STEP), chance.randrange(2, 256))

    async with worker_of(vm) as worker:
        kept = await full(worker, [disk], tmp_path)
        await disk.write(vm, 0, STEP, 2)
        writing = asyncio.create_task(write())
        try:
            for _ in range(5):
                found = await compared(worker, kept)
                assert found.likeness is Likeness.UNWRITTEN, found
                assert found.written <= 3 * len(disk.content) // 4
        finally:
            done.set()
            await writing


@pytest.mark.parametrize("act", ["rebase", "map"])
async def test_cancelled_while_a_disk_that_goes_on_is_compared_it_leaves_nothing(
    qemu: QemuStarter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    gate = Gate(tmp_path / "gate", act)
    monkeypatch.setenv("PATH", gate.path)
    async with chain_of(qemu, tmp_path, "raw") as (vm, worker, (disk,), kept):
        await disk.write(vm, 0, STEP, 3)
        comparing = asyncio.create_task(compared(worker, kept))
        await until(lambda: gate.reached)
        comparing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await comparing
        assert await serves_nothing(vm)
        assert await no_marks(vm)
        assert beside(kept) == {"n0": 2}


async def test_the_marks_of_a_killed_one_go_with_the_next_one(
    qemu: QemuStarter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chain_of(qemu, tmp_path, "raw") as (vm, worker, (disk,), kept):
        await disk.write(vm, 0, STEP, 3)
        node = (await vm.qmp("query-block"))[0]["inserted"]["node-name"]
        # As it is left by one that was killed while it asked what was written.
        await vm.qmp("block-dirty-bitmap-add", node=node, name=MARKS, disabled=True)
        found = await compared(worker, kept)
        assert (found.likeness, found.written) == (Likeness.UNWRITTEN, STEP)
        assert await no_marks(vm)


async def test_cancelled_it_leaves_nothing(qemu: QemuStarter, tmp_path: Path, shut: Gate) -> None:
    async with chain_of(qemu, tmp_path, "raw") as (vm, worker, _, kept):
        comparing = asyncio.create_task(compared(worker, kept))
        await until(lambda: shut.reached)
        (export,) = await vm.qmp("query-block-exports")
        assert export["id"] == "blockdeck-compare"
        assert [place.stat().st_mode & 0o777 for place in places(vm)] == [0o700]
        comparing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await comparing
        assert await serves_nothing(vm)


async def test_what_a_killed_one_left_is_ended_by_the_next_one(
    qemu: QemuStarter, tmp_path: Path, shut: Gate
) -> None:
    async with chain_of(qemu, tmp_path, "raw") as (vm, worker, _, kept):
        await worker.__aexit__(None, None, None)
        process = await start("verify", kept.path, "--source", vm.monitor)
        await until(lambda: shut.reached)
        process.send_signal(signal.SIGKILL)
        await finish(process)
        assert len(await vm.qmp("query-block-exports")) == 1
        # Nobody reads from the gate any more but the one that was left behind.
        shut.open()
        (shut.directory / "qemu-img").unlink()
        again = await blockdeck("verify", kept.path, "--source", vm.monitor)
        assert again.status == 0, again.err
        assert "IDENTICAL: n0 at point 2" in again.out
        assert await serves_nothing(vm)


async def test_a_server_of_somebody_else_is_left_alone(
    qemu: QemuStarter, tmp_path: Path, shut: Gate
) -> None:
    async with chain_of(qemu, tmp_path, "raw") as (vm, worker, _, kept):
        await vm.qmp("nbd-server-start", addr=nbd(vm.directory / "nbd.sock"))
        with pytest.raises(ImageError, match="serves disks by NBD to somebody already"):
            await compared(worker, kept)
        await vm.qmp("nbd-server-stop")
        # And of ours nobody is thrown out who came to use it.
        comparing = asyncio.create_task(compared(worker, kept))
        await until(lambda: shut.reached)
        node = (await vm.qmp("query-block"))[0]["inserted"]["node-name"]
        await vm.qmp("block-export-add", type="nbd", id="theirs", node_name=node)
        shut.open()
        assert (await comparing).likeness is Likeness.IDENTICAL
        assert [export["id"] for export in await vm.qmp("query-block-exports")] == ["theirs"]
        await vm.qmp("nbd-server-stop")


async def test_without_its_bitmap_or_read_only_it_is_refused_in_words(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    async with chain_of(qemu, tmp_path, "raw") as (vm, worker, _, kept):
        await worker.__aexit__(None, None, None)
        async with worker_of(vm, read_only=True) as looking:
            with pytest.raises(ImageError, match="BlockDeck is read-only"):
                await compared(looking, kept)
        async with worker_of(vm) as again:
            node = again.snapshot.devices[0].medium
            assert node is not None
            name = f"blockdeck-{kept.chain.id}-2"
            await vm.qmp("block-dirty-bitmap-disable", node=node.node_name, name=name)
            with pytest.raises(ImageError, match="was disabled: it missed writes"):
                await compared(again, kept)
            await vm.qmp("block-dirty-bitmap-remove", node=node.node_name, name=name)
            with pytest.raises(ImageError, match="has lost the bitmap"):
                await compared(again, kept)
        assert await serves_nothing(vm)


async def test_on_the_command_line_a_difference_is_told_though_the_checksum_fits(
    qemu: QemuStarter, tmp_path: Path, place: Path
) -> None:
    disks = [MirroredDisk.make(tmp_path, f"n{i}", "raw") for i in range(2)]
    vm = await qemu(*disks[0].options, *disks[1].options)
    await disks[0].write(vm, 0, STEP, 1)
    started = await blockdeck("chain", "start", vm.monitor, place, "--no-checksum")
    assert started.status == 0, started.err
    (image,) = place.glob("*-n0-*.qcow2")
    flip(image)
    assert (await blockdeck("chain", "seal", place)).status == 0
    told = await blockdeck("verify", place, "--source", vm.monitor)
    assert told.status == 1
    assert "SOUND" in told.out
    assert "DIFFERENT: n0 at point 1 and the VM's own disk" in told.out
    assert "IDENTICAL: n1 at point 1 and the VM's own disk" in told.out
    one = await blockdeck("verify", place, "--source", vm.monitor, "--disk", "n1", "--json")
    assert one.status == 0, one.err
    assert (one.lines[-1]["type"], one.lines[-1]["likeness"]) == ("compared", "identical")
    await disks[1].write(vm, 0, STEP, 1)
    gone = await blockdeck("verify", place, "--source", vm.monitor, "--disk", "n1")
    assert gone.status == 0, gone.err
    assert "IDENTICAL: n1 at point 1 and the VM's own disk, but for 64.0 KiB" in gone.out
    wrong = await blockdeck("verify", place, "--source", vm.monitor, "--point", "1")
    assert wrong.status == 2
    assert await serves_nothing(vm)
