"""What is found in a directory of backups, by its manifests and by the images themselves."""

import shutil
from pathlib import Path

import pytest

from tests.chain.disks import STEP, MirroredDisk
from tests.chain.test_points import full, increment
from tests.qemu import QemuStarter, qemu_img
from tests.worker.watching import worker_of
from tui.chain.catalog import ImageState, read_catalog
from tui.chain.directory import Kept


@pytest.fixture
async def kept(qemu: QemuStarter, tmp_path: Path, place: Path) -> Kept:
    """A chain of two disks with three points, of a VM that is no more."""
    disks = [MirroredDisk.make(tmp_path, f"n{i}", "qcow2") for i in range(2)]
    vm = await qemu(*disks[0].options, *disks[1].options)
    async with worker_of(vm) as worker:
        kept = await full(worker, disks, place)
        for byte in (1, 2):
            await disks[0].write(vm, 0, STEP, byte)
            kept = await increment(worker, kept)
    return kept


def states(place: Path) -> list[tuple[bool, tuple[str, ...]]]:
    """Each point: whether it can be restored, and what is wrong with it."""
    (chain,) = read_catalog(place).chains
    return [(point.restorable, point.problems) for point in chain.points]


async def test_a_copy_of_the_directory_is_the_chain(kept: Kept, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    shutil.copytree(kept.directory, place)
    shutil.rmtree(kept.directory)
    catalog = read_catalog(place)
    assert states(place) == [(True, ())] * 3
    assert (catalog.stacks, catalog.bad) == ((), ())
    (chain,) = catalog.chains
    for image in chain.points[-1].images:
        assert qemu_img("check", place / image.image.file)
        info = qemu_img("info", "--backing-chain", place / image.image.file)
        assert info.count(f"image: {place}") == 3


async def test_a_missing_image_takes_what_stands_on_it_along(kept: Kept) -> None:
    name = kept.chain.points[1].images["n0"].file
    (kept.directory / name).rename(kept.directory / "other.qcow2")
    (kept.directory / "other.qcow2").write_bytes(b"")
    assert states(kept.directory) == [
        (True, ()),
        (False, (f"{name} is missing",)),
        (False, ()),
    ]


async def test_a_moved_image_is_recognised(kept: Kept) -> None:
    name = kept.chain.points[1].images["n0"].file
    (kept.directory / name).rename(kept.directory / "other.qcow2")
    assert states(kept.directory)[1] == (False, (f"{name} is missing; other.qcow2 may be it",))


async def test_another_image_of_the_same_name_is_none_of_the_chain(kept: Kept) -> None:
    first, second, third = (point.images["n0"].file for point in kept.chain.points)
    qemu_img("rebase", "-u", "-F", "qcow2", "-b", first, kept.directory / third)
    with (kept.directory / second).open("ab") as file:
        file.write(b"more")
    (kept.directory / first).write_bytes(b"no image" * 100)
    problems = [told for _, (told,) in states(kept.directory)]
    assert problems[0] == f"{first} is no qcow2 image"
    assert f"{second} has " in problems[1]
    assert problems[2] == f"{third} stands on {first}, not on {second}"
    (chain,) = read_catalog(kept.directory).chains
    assert {i.state for p in chain.points for i in p.images if i.disk == "n0"} == {
        ImageState.CHANGED
    }


async def test_without_its_manifest_a_chain_is_guessed_from_its_backing_files(kept: Kept) -> None:
    kept.path.unlink()
    (kept.directory / "notes.txt").write_text("of somebody")
    catalog = read_catalog(kept.directory)
    assert catalog.chains == ()
    assert [[image.name for image in stack.images] for stack in catalog.stacks] == [
        [point.images[disk].file for point in kept.chain.points] for disk in ("n0", "n1")
    ]
    assert all(stack.below is None for stack in catalog.stacks)


async def test_images_of_others_and_manifests_that_cannot_be_read_are_told_of(kept: Kept) -> None:
    place = kept.directory
    last = kept.chain.points[-1].images["n0"].file
    options = ("create", "-q", "-f", "qcow2", "-F", "qcow2")
    qemu_img(*options, "-b", last, place / "scratch.qcow2")
    qemu_img(*options, "-u", "-b", "gone.qcow2", place / "orphan.qcow2", "1M")
    (place / "blockdeck-00000000.chain.json").write_text("{")
    catalog = read_catalog(place)
    orphan, scratch = catalog.stacks
    assert [image.name for image in orphan.images] == ["orphan.qcow2"]
    assert (orphan.below, orphan.missing) == ("gone.qcow2", True)
    assert (scratch.below, scratch.missing) == (last, False)
    (bad,) = catalog.bad
    assert "blockdeck-00000000.chain.json" in str(bad)
    assert states(place) == [(True, ())] * 3
