"""What is left in a VM of a chain whose directory is gone, and what leftovers say of it."""

import shutil
from pathlib import Path

import pytest

from tests.chain.disks import MirroredDisk
from tests.chain.test_points import bitmaps, full, increment
from tests.cli.running import blockdeck
from tests.qemu import QemuStarter, Vm
from tests.worker.watching import worker_of
from tui.chain.directory import Kept, read_chain
from tui.chain.manifest import bitmap_name
from tui.paths import state_directory
from tui.vm.leftover import Kind, Leftover
from tui.worker import VmWorker


@pytest.fixture
def disk(tmp_path: Path) -> MirroredDisk:
    """A disk whose image keeps bitmaps."""
    return MirroredDisk.make(tmp_path, "d0", "qcow2")


@pytest.fixture
async def vm(qemu: QemuStarter, disk: MirroredDisk) -> Vm:
    """A VM with it."""
    return await qemu(*disk.options)


def here(vm: Vm) -> VmWorker:
    """A worker that has the records of this user."""
    return worker_of(vm, state_directory() / "history.jsonl")


async def examined(vm: Vm) -> tuple[Leftover, ...]:
    """The leftovers, as a BlockDeck finds them that has only just come."""
    async with here(vm) as worker:
        await worker.examine()
        return worker.leftovers


async def made(vm: Vm, disk: MirroredDisk, place: Path) -> Kept:
    """A chain of two points."""
    async with here(vm) as worker:
        return await increment(worker, await full(worker, [disk], place))


async def test_the_bitmap_of_a_chain_that_is_there_is_no_leftover(
    vm: Vm, disk: MirroredDisk, place: Path
) -> None:
    await made(vm, disk, place)
    assert await examined(vm) == ()


async def test_the_bitmap_of_a_chain_that_is_gone_is_explained_and_removed_when_told_to(
    vm: Vm, disk: MirroredDisk, place: Path
) -> None:
    kept = await made(vm, disk, place)
    shutil.rmtree(place)
    (one,) = await examined(vm)
    name = bitmap_name(kept.chain.id, 2)
    assert (one.kind, one.name, one.ours, one.alone) == (Kind.BITMAP, name, True, True)
    assert "of BlockDeck's on d0: it records" in one.what
    assert f"records what is written since point 2 of chain {kept.chain.id}" in one.what
    assert f"{kept.path} is not there any more" in one.why
    assert "has to be a full one" in one.lost
    done = await blockdeck("leftovers", vm.monitor)
    assert f"bitmap {one.title} (made by BlockDeck)" in done.out
    assert f"block-dirty-bitmap-remove node={one.node} name={name}" in done.out
    done = await blockdeck("leftovers", vm.monitor, "--clean", one.title)
    assert (done.status, done.out) == (0, f"bitmap {one.title}: cleaned up\n")
    assert await bitmaps(vm) == {"d0": []}


async def test_a_chain_that_was_moved_is_found_again_by_its_next_point(
    vm: Vm, disk: MirroredDisk, place: Path
) -> None:
    kept = await made(vm, disk, place)
    moved = place.rename(place.with_name("moved"))
    (one,) = await examined(vm)
    assert "Where it was moved, it goes on" in one.why
    async with here(vm) as worker:
        await increment(worker, read_chain(moved / kept.path.name))
    assert await examined(vm) == ()


async def test_a_chain_that_another_user_keeps_is_told_of_and_its_bitmap_not_offered(
    vm: Vm, disk: MirroredDisk, place: Path, tmp_path: Path
) -> None:
    async with worker_of(vm, tmp_path / "other" / "history.jsonl") as other:
        await full(other, [disk], place)
    (one,) = await examined(vm)
    assert one.remedy is None
    assert "another user or another host may keep it up" in one.why
    assert "has to be a full one" in one.why
    assert "is not known here" in str(one.hindrance)


async def test_a_manifest_that_cannot_be_looked_for_is_not_said_to_be_gone(
    vm: Vm, disk: MirroredDisk, place: Path
) -> None:
    kept = await made(vm, disk, place)
    # A link in a circle: nothing tells what is behind it.
    kept.path.unlink()
    kept.path.symlink_to(kept.path.name)
    assert await examined(vm) == ()
