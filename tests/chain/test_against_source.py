"""The last point is held against the VM's own disk, as long as that has not gone on."""

import asyncio
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


async def test_what_was_written_since_is_told_and_nothing_is_compared(
    qemu: QemuStarter, tmp_path: Path, shut: Gate
) -> None:
    async with chain_of(qemu, tmp_path, "raw") as (vm, worker, (disk,), kept):
        await disk.write(vm, 8 * STEP, STEP, 3)
        found = await compared(worker, kept)
        assert (found.likeness, found.written) == (Likeness.GONE_ON, STEP)
        assert "has gone on since: 64.0 KiB written" in found.sentence
        assert not shut.reached


async def test_a_write_meanwhile_is_no_difference(
    qemu: QemuStarter, tmp_path: Path, shut: Gate
) -> None:
    async with chain_of(qemu, tmp_path, "raw") as (vm, worker, (disk,), kept):
        comparing = asyncio.create_task(compared(worker, kept))
        await until(lambda: shut.reached)
        await disk.write(vm, 0, 2 * STEP, 3)
        shut.open()
        found = await comparing
        assert (found.likeness, found.written) == (Likeness.GONE_ON, 2 * STEP)
        assert await serves_nothing(vm)


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
    qemu: QemuStarter, tmp_path: Path
) -> None:
    disks = [MirroredDisk.make(tmp_path, f"n{i}", "raw") for i in range(2)]
    vm = await qemu(*disks[0].options, *disks[1].options)
    place = tmp_path / "backups"
    place.mkdir()
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
    assert "NOT COMPARED: n1 at point 1" in gone.out
    wrong = await blockdeck("verify", place, "--source", vm.monitor, "--point", "1")
    assert wrong.status == 2
    assert await serves_nothing(vm)
