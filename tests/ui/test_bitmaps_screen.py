"""The bitmaps: listed, explained, and changed by keys, after a question about their chain."""

from pathlib import Path
from typing import Any

import pytest

from tests.qemu import QemuStarter, Vm
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck
from tests.waiting import until
from tests.worker.disks import MIB, null
from tests.worker.test_bitmaps import crashed, hold_busy, qcow2
from tui.chain.manifest import bitmap_name
from tui.screens import bitmaps
from tui.screens.bitmap_form import BitmapForm
from tui.screens.bitmap_merge import BitmapMerge
from tui.screens.bitmaps import BitmapsScreen
from tui.screens.confirm import Confirm
from tui.widgets.live_table import LiveTable

OURS = bitmap_name("0123abcd", 3)
SIZES = [(80, 24), (120, 40), (200, 50)]


async def with_bitmaps(qemu: QemuStarter, directory: Path, *names: str) -> Vm:
    """A VM with a disk `a` that has these bitmaps, in each of which a MiB is marked."""
    vm = await qemu(*qcow2(directory / "a.qcow2"), *qcow2(directory / "b.qcow2"))
    for name in names:
        await vm.qmp("block-dirty-bitmap-add", node="n-a", name=name)
    await vm.write("a", 0, MIB, 1)
    return vm


async def of_node(vm: Vm, name: str = "n-a") -> dict[str, dict[str, Any]]:
    """The bitmaps that QEMU tells of a node, by name."""
    nodes = await vm.qmp("query-named-block-nodes", flat=True)
    (found,) = (node for node in nodes if node["node-name"] == name)
    return {bitmap["name"]: bitmap for bitmap in found.get("dirty-bitmaps", [])}


async def open_bitmaps(deck: Deck, *names: str) -> None:
    """Open the screen and wait until these are listed."""
    await deck.press("B")
    await until(lambda: isinstance(deck.app.screen, BitmapsScreen))
    await until(lambda: deck.column("Bitmap") == list(names))


async def test_no_bitmap_says_so(qemu: QemuStarter, open_deck: DeckOpener) -> None:
    async with open_deck(await qemu(*null())) as deck:
        await deck.sees("d0")
        await open_bitmaps(deck)
        await deck.sees("No disk has a dirty bitmap.", "a Add", "Esc Back")
        await deck.press("x")
        await deck.is_told("there is no bitmap")
        await deck.press("escape")
        await deck.sees_no_more("No disk has a dirty bitmap.")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_each_is_told_and_its_chain_named_before_it_goes(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    vm = await with_bitmaps(qemu, tmp_path, OURS, "theirs")
    async with open_deck(vm, size) as deck:
        await open_bitmaps(deck, OURS, "theirs")
        row = deck.row(OURS)
        assert (row["Disk"], row["Dirty"], row["State"]) == ("a", "1.0 MiB", "recording")
        await deck.sees("the size of the next incremental", "chain 0123abcd", "its point 3")
        await deck.press("x")
        await deck.sees(f"Remove {OURS} on a?", "BREAKS CHAIN 0123abcd")
        await deck.sees("The points that it has stay")
        # Enter alone leaves it.
        await deck.press("enter")
        await until(lambda: isinstance(deck.app.screen, BitmapsScreen))
        assert set(await of_node(vm)) == {OURS, "theirs"}
        await deck.press("down", "x")
        await deck.sees("Remove theirs on a?", "no chain of BlockDeck's", "to make a full one")
        await deck.press("y")
        await deck.sees("theirs on a: removed")
        await until(lambda: deck.column("Bitmap") == [OURS])
    assert set(await of_node(vm)) == {OURS}


async def test_clear_disable_and_enable_each_after_its_question(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener
) -> None:
    vm = await with_bitmaps(qemu, tmp_path, OURS)
    async with open_deck(vm) as deck:
        await open_bitmaps(deck, OURS)
        for key, question, done in (
            ("e", "misses every", "disabled"),
            ("e", "stays broken by what it missed", "records again"),
            ("c", "It forgets the 1.0 MiB", "cleared"),
        ):
            await deck.press(key)
            await deck.sees(question, "0123abcd")
            assert isinstance(deck.app.screen, Confirm)
            await deck.press("y")
            await deck.sees(f"{OURS} on a: {done}")
        await until(lambda: deck.row(OURS)["Dirty"] == "0 B")
    assert (await of_node(vm))[OURS]["count"] == 0


async def test_one_is_added_by_a_form_that_tells_mistakes_as_they_are_typed(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener
) -> None:
    vm = await with_bitmaps(qemu, tmp_path, "on")
    async with open_deck(vm, (80, 24)) as deck:
        await open_bitmaps(deck, "on")
        await deck.press("a")
        await until(lambda: isinstance(deck.app.screen, BitmapForm))
        await until(lambda: deck.app.focused is not None and deck.app.focused.id == "name")
        for typed, told in (
            ("on", "the node has a bitmap of that name"),
            (OURS, "are the chains' own"),
            ("fine", " "),
        ):
            await deck.fill_in(typed)
            await until(lambda told=told: told in deck.line("typed-error"))  # type: ignore[misc]
        await deck.press("tab")
        for typed, told in (
            ("lots", "is no size"),
            ("1000", "a power of two"),
            ("4 GiB", "a power of two"),
        ):
            await deck.fill_in(typed)
            await until(lambda told=told: told in deck.line("typed-error"))  # type: ignore[misc]
            await deck.press("f2")
            assert isinstance(deck.app.screen, BitmapForm)
        await deck.fill_in("4K")
        await until(lambda: deck.line("typed-error") == "= 4.0 KiB, 4,096 bytes")
        # Kept in the image.
        await deck.press("tab", "enter", "down", "enter", "f2")
        await deck.sees("Add fine on a?", "The image keeps it.", "No chain breaks.")
        await deck.press("y")
        await deck.sees("fine on a: added")
        await until(lambda: deck.column("Bitmap") == ["fine", "on"])
    made = (await of_node(vm))["fine"]
    assert (made["granularity"], made["persistent"], made["recording"]) == (4096, True, True)


async def test_others_are_merged_into_one(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener
) -> None:
    vm = await with_bitmaps(qemu, tmp_path, "one", "two")
    await vm.qmp("block-dirty-bitmap-add", node="n-a", name="late")
    async with open_deck(vm) as deck:
        await open_bitmaps(deck, "late", "one", "two")
        await deck.press("m")
        await until(lambda: isinstance(deck.app.screen, BitmapMerge))
        # Of an empty list QEMU 7.2 and later die.
        await deck.press("f2")
        await deck.sees("Tick what to merge into it.")
        await deck.press("enter", "down", "space")
        await deck.sees("[x] one on a", "[x] two on a")
        await deck.press("space", "f2")
        await deck.sees("Merge into late on a?", "All that is marked in one is", "No chain breaks")
        await deck.press("y")
        await deck.sees("late on a: has the marks of the others, too")
        await until(lambda: deck.row("late")["Dirty"] == "1.0 MiB")
    assert (await of_node(vm))["late"]["count"] == MIB


async def test_what_cannot_be_done_says_why(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener
) -> None:
    broken = qcow2(tmp_path / "inc.qcow2", "4M", "bad")
    await crashed(qemu, broken)
    vm = await qemu(*broken, *qcow2(tmp_path / "b.qcow2", "4M", "busy"))
    await vm.write("b", 0, 4 * MIB, 1)
    async with open_deck(vm, (200, 50)) as deck:
        await deck.press("B")
        await until(lambda: {"bad", "busy"} <= set(deck.column("Bitmap")))
        await hold_busy(vm, tmp_path)
        blind = deck.vm.traps.listing_nodes_kills
        state = "recording?" if blind else "recording, busy"
        await until(lambda: state in deck.column("State"))
        rows = {row["Bitmap"]: row["State"] for row in deck.rows}
        assert rows["bad"] == "INCONSISTENT"
        assert rows["busy"] == state
        hidden = "QEMU 5 cannot be asked for the bitmaps of b"
        assert (hidden in deck.screen) is blind
        why = {
            "bad": "it is inconsistent",
            "busy": "QEMU 5 cannot be asked" if blind else "a job uses it: wait",
        }
        for name, reason in why.items():
            table = deck.on_screen(LiveTable)
            table.move_cursor(row=deck.column("Bitmap").index(name))
            await deck.sees(f"{name} on", reason)
            await deck.press("c")
            await deck.is_told(f"clear {name}", reason)
        await deck.press("e")
        assert isinstance(deck.app.screen, BitmapsScreen)


async def test_what_the_guest_writes_is_seen_without_a_key(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bitmaps, "LOOK_EVERY", 0.2)
    vm = await with_bitmaps(qemu, tmp_path, "on")
    async with open_deck(vm) as deck:
        await open_bitmaps(deck, "on")
        await until(lambda: deck.row("on")["Dirty"] == "1.0 MiB")
        await vm.write("a", MIB, MIB, 1)
        await until(lambda: deck.row("on")["Dirty"] == "2.0 MiB")


async def test_read_only_explains_and_changes_nothing(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener
) -> None:
    vm = await with_bitmaps(qemu, tmp_path, "on")
    async with open_deck(vm, read_only=True) as deck:
        await open_bitmaps(deck, "on")
        for key in "acemx":
            await deck.press(key)
        await until(lambda: len(deck.toasts) == 5)
        assert all("BlockDeck is read-only" in toast for toast in deck.toasts)
    assert (await of_node(vm))["on"]["recording"]


async def test_bitmaps_of_a_chain_are_told_apart_by_their_disks(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener
) -> None:
    vm = await with_bitmaps(qemu, tmp_path, OURS)
    await vm.qmp("block-dirty-bitmap-add", node="n-b", name=OURS)
    async with open_deck(vm) as deck:
        await open_bitmaps(deck, OURS, OURS)
        await deck.press("end", "x")
        await deck.sees(f"Remove {OURS} on b?")
        await deck.press("y")
        await deck.sees(f"{OURS} on b: removed")
    assert await of_node(vm, "n-b") == {}
    assert set(await of_node(vm)) == {OURS}


async def test_a_hostile_name_is_escaped_and_still_reached(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener
) -> None:
    evil = "a\x1b[31m[red]\u202eb\n"
    vm = await with_bitmaps(qemu, tmp_path, evil, "on")
    async with open_deck(vm) as deck:
        shown = "a\\x1b[31m[red]\\u202eb\\n"
        await open_bitmaps(deck, shown, "on")
        await deck.press("x")
        await deck.sees(f"Remove {shown} on a?")
        await deck.press("y")
        await deck.sees(f"{shown} on a: removed")
    assert set(await of_node(vm)) == {"on"}
