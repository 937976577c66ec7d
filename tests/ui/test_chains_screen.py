"""The chains screen: a chain begun, gone on with and looked at, by keys alone."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.chain.disks import STEP, MirroredDisk, restored
from tests.chain.test_against_source import serves_nothing
from tests.chain.test_points import full, increment
from tests.images.chains import build
from tests.images.gate import Gate
from tests.images.test_prune import POINTS
from tests.qemu import QemuStarter
from tests.ui.conftest import DeckOpener
from tests.ui.deck import USUAL, Deck
from tests.waiting import until
from tests.worker.watching import worker_of
from tui import units
from tui.chain.catalog import read_catalog
from tui.chain.directory import Kept, chains_in
from tui.chain.manifest import bitmap_name
from tui.config import Settings
from tui.images.seal import unsealed
from tui.screens.chains import ChainsScreen
from tui.screens.prune import PruneScreen
from tui.screens.restore import RestoreScreen
from tui.screens.verify import VerifyScreen
from tui.units import percent
from tui.widgets.chain_tree import ChainTree
from tui.widgets.key_bar import KeyBar


def the_chain(directory: Path, points: int) -> Kept | None:
    """The one chain of a directory, once it has so many complete points."""
    kept, _ = chains_in(directory)
    complete = [one for one in kept if len([p for p in one.chain.points if p.complete]) == points]
    return complete[0] if complete else None


def cancels(deck: Deck) -> bool:
    """Whether the key at the foot that cancels is not dimmed."""
    (key,) = [key for key in deck.on_screen(KeyBar).keys if key.words == "Cancel"]
    return key.enabled


@pytest.mark.parametrize("size", [(80, 24), USUAL, (200, 50)], ids=str)
async def test_a_chain_from_its_start_to_a_new_full_point(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    disks = [MirroredDisk.make(tmp_path, f"n{i}", "qcow2") for i in range(2)]
    vm = await qemu("-name", "mail", *disks[0].options, *disks[1].options)
    place = open_deck.backups
    async with open_deck(vm, size) as deck:
        await deck.press("5")
        await until(lambda: isinstance(deck.app.screen, ChainsScreen))
        await deck.sees("No chain in", str(place)[:20], "s Start d Directory 1")
        await deck.press("s")
        await deck.sees("Start a chain", "n0    4.0 MiB", "n1    4.0 MiB")
        await deck.press("f2")
        await until(lambda: the_chain(place, 1))
        await deck.sees("mail  1 point", "n0, n1", "full", "complete  next 0 B", "n Next f Full")

        await disks[1].write(vm, STEP, STEP, 7)
        await deck.press("r")
        await deck.sees("next 64.0 KiB")
        await deck.press("n")
        await until(lambda: the_chain(place, 2))
        await deck.sees("2 points", "incremental")
        kept = the_chain(place, 2)
        assert kept is not None
        for disk in disks:
            image = place / kept.chain.points[1].images[disk.name].file
            assert await restored(image, tmp_path) == bytes(disk.content)

        node = (await vm.qmp("query-block"))[0]["inserted"]["node-name"]
        await vm.qmp("block-dirty-bitmap-remove", node=node, name=bitmap_name(kept.chain.id, 2))
        await deck.press("r")
        await deck.sees("next full")
        await deck.press("n")
        await deck.sees("Make a full point instead?", "n0 has lost the bitmap")
        await deck.press("y")
        await until(lambda: the_chain(place, 3))
        await deck.sees("3 points")

        (place / kept.chain.points[1].images["n0"].file).unlink()
        await deck.sees("DAMAGED", "1 cannot be restored")
        await deck.press("end", "up")
        await deck.sees("is missing")


async def test_a_running_point_tells_how_far_it_is_and_can_be_cancelled(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener
) -> None:
    disk = MirroredDisk.make(tmp_path, "n0", "raw")
    disk.path.write_bytes(b"\5" * len(disk.content))
    vm = await qemu(*disk.options)
    slow = Settings(backup={"speed": "1"})
    async with open_deck(vm, settings=slow) as deck:
        await deck.press("5")
        await deck.sees("No chain in")
        await deck.press("s")
        await deck.sees("Start a chain")
        await deck.press("f2")
        await deck.sees("running ")
        await until(lambda: deck.vm.live_jobs)
        await until(lambda: cancels(deck))
        await deck.press("n")
        await deck.is_told("A point of this chain is being made.")
        await deck.press("v")
        shown = await deck.sees(
            "NO COMPLETE POINT: nothing can be restored yet.", "is not complete"
        )
        assert "SOUND" not in shown
        await deck.press("escape")
        await until(lambda: isinstance(deck.app.screen, ChainsScreen))
        await deck.press("c")
        await deck.sees("Cancel the point?", "What was copied of it is removed.")
        await deck.press("y")
        await deck.is_told("The point did not come to be", "cancelled")
        await deck.sees("No chain in")
    assert await asyncio.to_thread(lambda: list(open_deck.backups.iterdir())) == []


async def test_a_point_has_checksums_and_is_verified_restored_and_pruned_by_keys(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener
) -> None:
    disk = MirroredDisk.make(tmp_path, "n0", "raw")
    vm = await qemu("-name", "mail", *disk.options)
    place = open_deck.backups
    async with open_deck(vm) as deck:
        await deck.press("5")
        await deck.sees("No chain in")
        await deck.press("s")
        await deck.sees("Start a chain")
        await deck.press("f2")
        await deck.sees("next 0 B")
        await until(lambda: not cancels(deck))
        await deck.press("c")
        await deck.is_told("No point of this chain is being made.")

        def sealed() -> bool:
            kept = the_chain(place, 1)
            return kept is not None and not unsealed(kept.chain)

        await until(sealed)
        await deck.press("end")
        await deck.sees("checksum kept", "blockdeck-", "ends with QEMU", "5 sent to QEMU")
        await deck.press("i")
        await deck.sees("Point 1 of chain", "asked for  no speed limit")
        await deck.press("c")
        kept = the_chain(place, 1)
        assert kept is not None
        (point,) = kept.chain.points
        assert deck.app.clipboard.endswith("\n".join(json.dumps(c) for c in point.commands))
        await deck.press("escape")
        await until(lambda: isinstance(deck.app.screen, ChainsScreen))
        await deck.press("v")
        await deck.sees("SOUND: every point can be restored as it was.")
        await deck.press("escape")
        await until(lambda: isinstance(deck.app.screen, ChainsScreen))
        await deck.press("enter")
        await until(lambda: isinstance(deck.app.screen, RestoreScreen))
        await deck.sees("Restore mail as at point 1")
        await deck.press("escape")
        await until(lambda: isinstance(deck.app.screen, ChainsScreen))
        await deck.press("p")
        await until(lambda: isinstance(deck.app.screen, PruneScreen))
        await deck.sees("Nothing goes.")
        await deck.press("escape")
        await until(lambda: isinstance(deck.app.screen, ChainsScreen))
        await deck.press("home", "enter")
        await until(lambda: "full" not in deck.screen)


@pytest.mark.parametrize("size", [(80, 24), USUAL], ids=str)
async def test_the_last_point_is_compared_with_the_disk_of_its_vm_by_keys(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    disk = MirroredDisk.make(tmp_path, "n0", "raw")
    vm = await qemu("-name", "mail", *disk.options)
    place = open_deck.backups
    async with open_deck(vm, size) as deck:
        await deck.press("5")
        await deck.sees("No chain in")
        await deck.press("s")
        await deck.sees("Start a chain")
        await deck.press("f2")
        await until(lambda: the_chain(place, 1))
        await deck.sees("next 0 B")
        await deck.press("end", "v")
        await deck.sees("SOUND: every point can be restored as it was.")
        await deck.press("f4")
        await deck.sees("Compare with what?", "The VM's own disk: mail", "An image file")
        await deck.press("enter")
        await deck.sees("IDENTICAL: n0 at point 1 and the VM's own disk")
        await disk.write(vm, 0, STEP, 7)
        await deck.press("f4")
        await deck.sees("Compare with what?")
        await deck.press("enter")
        await deck.sees("IDENTICAL: n0 at point 1", "but for 64.0", "written since")
        await deck.press("f4")
        await deck.sees("Compare with what?")
        await deck.press("down", "enter")
        await deck.sees("Compare with an image")


@pytest.mark.parametrize("size", [(80, 24), USUAL], ids=str)
async def test_images_without_a_manifest_are_verified_and_restored_by_keys(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    disk = MirroredDisk.make(tmp_path, "n0", "raw")
    vm = await qemu("-name", "mail", *disk.options)
    place = open_deck.backups
    moments = []
    async with worker_of(vm) as worker:
        await disk.write(vm, 0, STEP, 7)
        moments.append(bytes(disk.content))
        kept = await full(worker, [disk], place)
        await disk.write(vm, 0, STEP, 8)
        moments.append(bytes(disk.content))
        kept = await increment(worker, kept)
    kept.path.unlink()
    first, second = kept.chain.files()
    target = tmp_path / "out.qcow2"
    async with open_deck(vm, size) as deck:
        await deck.press("5")
        await deck.sees("no manifest: mail-n0-", "2 images", "guessed")
        await deck.press("v")
        await deck.sees("WHOLE: it can be restored", "looked at 2 images")
        await deck.press("escape")
        await until(lambda: isinstance(deck.app.screen, ChainsScreen))
        # The uppermost first; each that it stands on is a moment, too.
        for downs, moment in ((0, moments[1]), (1, moments[0])):
            await deck.press("e")
            await until(lambda: isinstance(deck.app.screen, RestoreScreen))
            await deck.sees(f"Restore {second}"[:40], "Ready. F2 restores.")
            if downs:
                await deck.press("shift+tab", "shift+tab")
                await deck.press("enter", "down", "enter", "tab", "tab")
            await deck.fill_in(str(target))
            await until(lambda: deck.app.screen.check_action("start", ()))
            await deck.press("f2")
            await deck.sees("RESTORED to", "the same as the backup")
            assert await restored(target, tmp_path) == moment
            target.unlink()
            await deck.press("escape")
            await until(lambda: isinstance(deck.app.screen, ChainsScreen))
        (place / first).unlink()
        await deck.sees("1 image  MISSING: mail")
        await deck.press("v")
        await deck.sees("NOT WHOLE", "cannot be restored")


@pytest.mark.parametrize("size", [(80, 24), USUAL], ids=str)
async def test_of_a_running_point_each_disk_tells_how_far_it_is(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    disks = [MirroredDisk.make(tmp_path, f"n{i}", "raw") for i in range(2)]
    for disk in disks:
        disk.path.write_bytes(b"\5" * len(disk.content))
    vm = await qemu(*disks[0].options, *disks[1].options)
    async with open_deck(vm, size, settings=Settings(backup={"speed": "1"})) as deck:
        await deck.press("5")
        await deck.sees("No chain in")
        await deck.press("s")
        await deck.sees("Start a chain")
        await deck.press("f2")
        await deck.sees("running ")
        await deck.press("end")
        jobs = {job["device"]: job for job in await vm.qmp("query-block-jobs")}
        (slow,) = (job for name, job in jobs.items() if "-n0-" in name)
        (other,) = (name for name in jobs if "-n1-" in name)
        await vm.qmp("block-job-set-speed", device=other, speed=0)
        # At a byte a second one stands where it is; the other is done, and waits for it.
        await deck.sees("n1: 100%, 4.0 MiB of 4.0 MiB")
        (slow,) = [j for j in await vm.qmp("query-block-jobs") if j["device"] == slow["device"]]
        assert slow["offset"] < slow["len"]
        done, length = slow["offset"], slow["len"]
        await deck.sees(f"n0: {percent(done / length)}, {units.size(done)} of {units.size(length)}")
        await deck.sees(f"running {percent((done + length) / (2 * length))}")
        await deck.press("c")
        await deck.sees("Cancel the point?")
        await deck.press("y")
        await deck.is_told("The point did not come to be", "cancelled")
        await deck.sees("No chain in")


async def test_leaving_blockdeck_while_it_compares_leaves_nothing_in_qemu(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = MirroredDisk.make(tmp_path, "n0", "raw")
    vm = await qemu(*disk.options)
    async with worker_of(vm) as worker:
        kept = await full(worker, [disk], open_deck.backups)
    shut = Gate(tmp_path / "gate", "compare")
    monkeypatch.setenv("PATH", shut.path)
    async with open_deck(vm) as deck:
        deck.app.push_screen(VerifyScreen(kept, 1))
        await deck.sees("SOUND: every point")
        await deck.press("f4")
        await deck.sees("Compare with what?")
        await deck.press("enter")
        await until(lambda: shut.reached)
        assert len(await vm.qmp("query-block-exports")) == 1
    assert await serves_nothing(vm)


async def test_a_directory_that_is_left_before_it_is_seen_is_not_missed(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    build(open_deck.backups, POINTS)
    here, nothing = read_catalog(open_deck.backups), read_catalog(tmp_path)
    vm = await qemu("-blockdev", "null-co,node-name=disk0,read-zeroes=on,size=1048576")
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        tree = ChainTree()
        await deck.app.screen.mount(tree)
        for catalog in (here, nothing):
            tree.show_catalog(catalog, None, lambda _: (), lambda _: "")
        await deck.settle()
        assert tree.spot is None
        tree.show_catalog(here, None, lambda _: (), lambda _: "")
        await until(lambda: tree.spot is not None)


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=str)
async def test_what_is_highlighted_is_so_to_the_end_of_its_line(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    build(open_deck.backups, POINTS)
    vm = await qemu("-name", "mail", *MirroredDisk.make(tmp_path, "n0", "qcow2").options)
    async with open_deck(vm, size) as deck:
        await deck.press("5")
        await deck.sees("5 points", "incremental")
        tree = deck.app.screen.query_one(ChainTree)
        for line in range(3):
            await until(lambda line=line: tree.cursor_line == line)  # type: ignore[misc]
            await deck.settle()
            cells = [segment.style for segment in tree.render_line(line)]
            colour = tree.get_component_rich_style("tree--cursor").bgcolor
            assert cells[-1] is not None
            assert cells[-1].bgcolor == colour
            # Nothing can be scrolled to beyond the words.
            assert tree.virtual_size.width <= tree.size.width
            await deck.press("down")


@pytest.mark.parametrize("size", [(80, 24), USUAL, (200, 50)], ids=str)
async def test_what_is_told_of_points_stands_below_its_headings(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    # The last of them has no increment yet, and nothing to fold.
    build(open_deck.backups, POINTS, fulls=[5])
    vm = await qemu("-name", "mail", *MirroredDisk.make(tmp_path, "n0", "qcow2").options)
    async with open_deck(vm, size) as deck:
        await deck.press("5")
        lines = (await deck.sees("5 points", "incremental")).splitlines()
        (headings,) = [line for line in lines if line.lstrip("│ ").startswith("No.")]
        dates = [re.search(r"\d+  \d{4}-\d\d-\d\d", line) for line in lines]
        points = [(line, at) for line, at in zip(lines, dates, strict=True) if at is not None]
        assert len(points) == 5
        for line, at in points:
            assert at.end() - len("2026-01-31") == headings.index("Started")
            kind = re.search("full|incremental", line)
            assert kind is not None
            assert kind.start() == headings.index("Kind")
            assert line[: headings.index("Size") + len("Size")].endswith("iB")
