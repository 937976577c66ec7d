"""Verify, restore and prune on the screen: from the palette to what came of it."""

from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.containers import VerticalScroll

from tests.images.chains import Built, build, content
from tests.images.gate import Gate
from tests.images.test_prune import POINTS, restores
from tests.ui.conftest import DeckOpener
from tests.ui.deck import USUAL, Deck
from tests.waiting import until
from tui.chain.directory import read_chain
from tui.images.restorable import point_of
from tui.screens.confirm import Confirm
from tui.screens.image_act import filled
from tui.screens.prune import PruneScreen
from tui.screens.restore import RestoreScreen
from tui.screens.verify import VerifyScreen
from tui.widgets.page_dialog import PageDialog

SIZES = [(80, 24), USUAL]


@pytest.fixture
def chain(tmp_path: Path) -> Built:
    return build(tmp_path / "b", POINTS)


async def by_palette(deck: Deck, words: str, directory: Path) -> None:
    await deck.press("ctrl+p")
    await until(lambda: isinstance(deck.app.screen, CommandPalette))
    await deck.press(*words)
    await deck.sees(words)
    await deck.press("enter")
    await deck.sees("The directory with the backups")
    await deck.fill_in(str(directory))
    await deck.press("enter")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_chain_is_verified_from_the_palette(
    chain: Built, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    async with open_deck(None, size) as deck:
        await by_palette(deck, "Verify backups", chain.directory)
        await until(lambda: isinstance(deck.app.screen, VerifyScreen))
        await deck.sees("SOUND: every point can be restored as it was.", "points 1-5")
        chain.image(3).unlink()
        await deck.press("f2")
        await deck.sees("NOT SOUND: 3 of 5 points are lost.", "is not there")
        await deck.press("c")
        assert "LOST      points 3-5" in deck.app.clipboard
        await deck.press("escape")
        await until(lambda: not isinstance(deck.app.screen, VerifyScreen))


async def test_a_verdict_is_given_once_and_no_name_is_broken(
    tmp_path: Path, open_deck: DeckOpener
) -> None:
    chain = build(tmp_path / "a-directory-with-a-long-name", POINTS)
    async with open_deck(None, (80, 24)) as deck:
        deck.app.push_screen(VerifyScreen(chain.kept))
        await deck.sees("SOUND: every point", chain.kept.path.name, "points 1-5")
        assert deck.screen.count("SOUND") == 1
        await deck.press("c")
        assert deck.app.clipboard.startswith("chain ")
        assert ": SOUND\n  manifest  /" in deck.app.clipboard


async def test_a_page_is_as_high_as_what_it_holds_and_scrolls_where_that_is_too_much(
    chain: Built, open_deck: DeckOpener
) -> None:
    async with open_deck(None, (120, 50)) as deck:
        deck.app.push_screen(VerifyScreen(chain.kept))
        await deck.sees("SOUND: every point")
        page, body = (deck.on_screen(kind) for kind in (PageDialog, VerticalScroll))
        await until(lambda: page.size.height < 20 and body.max_scroll_y == 0)
        page_screen = deck.app.screen
        assert isinstance(page_screen, VerifyScreen)
        page_screen.show_lines("#verify-text", [f"line {number}" for number in range(24)])
        await until(lambda: page.size.height > 26 and body.max_scroll_y == 0)
        page_screen.show_lines("#verify-text", [f"line {number}" for number in range(99)])
        await until(lambda: page.outer_size.height == 45 and body.max_scroll_y > 50)
        await deck.sees("line 0", "SOUND: every point", "Esc Back")


async def test_a_point_is_compared_with_another_copy(chain: Built, open_deck: DeckOpener) -> None:
    copy = chain.directory.parent / "copy.raw"
    copy.write_bytes(chain.expected[2, "sdb"])
    async with open_deck() as deck:
        deck.app.push_screen(VerifyScreen(chain.kept, 2))
        await deck.sees("SOUND: every point")
        await deck.press("f4")
        await deck.sees("A disk that a VM runs on has gone on since")
        await deck.fill_in(str(copy))
        await deck.press("enter")
        await deck.sees("Which disk is compared?")
        await deck.press("down", "enter")
        await deck.sees("IDENTICAL: sdb at point 2")
        copy.write_bytes(chain.expected[4, "sdb"])
        await deck.press("f4")
        await deck.sees("A disk that a VM runs on has gone on since")
        await deck.fill_in(str(copy))
        await deck.press("enter")
        await deck.sees("Which disk is compared?")
        await deck.press("down", "enter")
        await deck.sees("DIFFERENT: sdb at point 2")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_disk_is_restored_from_the_palette(
    chain: Built, open_deck: DeckOpener, tmp_path: Path, size: tuple[int, int]
) -> None:
    target = tmp_path / "out.qcow2"
    async with open_deck(None, size) as deck:
        await by_palette(deck, "Restore a backup", chain.directory)
        await deck.sees("point 5")
        # The newest stands first.
        await deck.press("down", "enter")
        await until(lambda: isinstance(deck.app.screen, RestoreScreen))
        await deck.sees("Restore web as at point 4", "qemu-img convert", "Ready. F2 restores.")
        await deck.fill_in(str(chain.image(1)))
        await until(lambda: deck.line("act-status").startswith("Not yet:"))
        assert "one of the backups" in deck.line("act-status")
        await deck.fill_in(str(target))
        await deck.sees("Ready. F2 restores.")
        await deck.press("f5")
        assert f"ln -T -- {tmp_path}/.out.qcow2.restoring {target} &&" in deck.app.clipboard
        await deck.press("f2")
        await deck.sees("RESTORED to", "the same as the backup")
        assert content(target) == chain.expected[4, "sda"]
        await deck.press("escape")
        await until(lambda: not isinstance(deck.app.screen, RestoreScreen))


async def test_what_is_there_is_named_and_stays_unless_it_may_go(
    chain: Built, open_deck: DeckOpener, tmp_path: Path
) -> None:
    target = tmp_path / "there.raw"
    target.write_bytes(b"precious" * 64)
    async with open_deck() as deck:
        deck.app.push_screen(RestoreScreen(point_of(chain.kept, 2)))
        await deck.sees("Ready. F2 restores.")
        await deck.fill_in(str(target))
        await deck.sees("raw, 512 B", "F2 asks whether it may")
        for answer in ("enter", "escape", "n"):
            await deck.press("f2")
            await until(lambda: isinstance(deck.app.screen, Confirm))
            await deck.sees("Lost for good", "raw, 512 B")
            await deck.press(answer)
            await until(lambda: isinstance(deck.app.screen, RestoreScreen))
        assert target.read_bytes() == b"precious" * 64
        await deck.press("f2")
        await until(lambda: isinstance(deck.app.screen, Confirm))
        await deck.press("y")
        await deck.sees("RESTORED to")
        assert content(target) == chain.expected[2, "sda"]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_directory_is_pruned_after_a_preview_and_a_question(
    chain: Built, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    async with open_deck(None, size) as deck:
        await by_palette(deck, "Prune backups", chain.directory)
        await until(lambda: isinstance(deck.app.screen, PruneScreen))
        await deck.sees("Nothing goes.")
        await deck.press("f2")
        await deck.is_told("Prune: nothing goes by these rules")
        await deck.fill_in("x")
        await deck.sees("Not yet: Say with numbers")
        await deck.press("f2")
        await deck.is_told("Prune: Say with numbers how many to keep")
        await deck.fill_in("1")
        await deck.press("tab")
        await deck.fill_in("0")
        await deck.sees("GOES", "3 points and 8 files go")
        await deck.press("f2")
        await deck.sees("Lost for good: points 2-4 of chain 0badcafe")
        await deck.press("enter")
        await until(lambda: isinstance(deck.app.screen, PruneScreen))
        assert read_chain(chain.kept.path).chain == chain.kept.chain
        await deck.press("f2")
        await until(lambda: isinstance(deck.app.screen, Confirm))
        await deck.press("y")
        await deck.sees("PRUNED: chain 0badcafe: 8 files deleted.")
        kept = read_chain(chain.kept.path)
        assert [point.serial for point in kept.chain.points] == [1, 5]
        await restores(chain, kept, (1, 5))
        await deck.press("escape")
        await until(lambda: not isinstance(deck.app.screen, PruneScreen))


async def test_images_without_a_manifest_are_found_from_the_palette(
    chain: Built, open_deck: DeckOpener
) -> None:
    chain.kept.path.unlink()
    top = chain.image(5).name
    async with open_deck() as deck:
        await by_palette(deck, "Verify backups", chain.directory)
        await deck.sees(f"no manifest: {top}")
        await deck.press("enter")
        await deck.sees("WHOLE: it can be restored", f"Verify {top}")
        await deck.press("escape")
        await by_palette(deck, "Restore a backup", chain.directory)
        await deck.sees(f"no manifest: {top}")
        await deck.press("enter")
        await deck.sees(f"Restore {top}", "Ready. F2 restores.")
        await deck.press("escape")
        await by_palette(deck, "Prune backups", chain.directory)
        await deck.is_told("There is no chain in")


async def test_a_dimmed_key_of_a_verification_says_why(
    chain: Built, open_deck: DeckOpener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(tmp_path / "gate", "check")
    monkeypatch.setenv("PATH", gate.path)
    async with open_deck() as deck:
        deck.app.push_screen(VerifyScreen(chain.kept, 5))
        await until(lambda: gate.reached)
        await deck.press("f2", "f4", "c")
        for words in ("Again: the verification runs", "Compare: the verification", "Copy: nothing"):
            await deck.is_told(words)
        await deck.press("escape")
        await deck.sees("Stop the verification?")
        await deck.press("y")
        await until(lambda: not isinstance(deck.app.screen, Confirm | VerifyScreen))


async def test_what_is_no_directory_of_backups_is_said(
    open_deck: DeckOpener, tmp_path: Path
) -> None:
    async with open_deck() as deck:
        await by_palette(deck, "Prune backups", tmp_path / "none")
        await deck.sees("There is no such directory")
        await deck.fill_in(str(tmp_path))
        await deck.press("enter")
        await deck.is_told("There is no chain in")


async def test_names_are_shown_as_text(open_deck: DeckOpener, tmp_path: Path) -> None:
    built = build(tmp_path / "[red]b", [{"sd[bold]a": [(0, 512, 1)]}], vm="w\x1b[31m[b]\u202e")
    async with open_deck() as deck:
        await by_palette(deck, "Verify backups", built.directory)
        await deck.sees("SOUND: every point", "w\\x1b[31m[b]\\u202e")
        await deck.press("escape")
        await by_palette(deck, "Restore a backup", built.directory)
        await deck.sees("w\\x1b[31m[b]\\u202e")
        await deck.press("enter")
        await deck.sees("sd[bold]a", "Ready. F2 restores.")


async def test_what_runs_is_stopped_only_after_a_question(
    chain: Built,
    open_deck: DeckOpener,
    gate: Gate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", gate.path)
    out = tmp_path / "out"
    out.mkdir()
    async with open_deck() as deck:
        deck.app.push_screen(RestoreScreen(point_of(chain.kept, 2)))
        await deck.sees("Ready. F2 restores.")
        await deck.fill_in(str(out / "disk.qcow2"))
        await until(lambda: deck.app.screen.check_action("start", ()))
        await deck.press("f2")
        await until(lambda: gate.reached)
        await deck.press("f2")
        await deck.is_told("Restore: the restore runs; Esc stops it")
        await deck.press("escape")
        await deck.sees("Stop the restore?", "nothing of it is left behind")
        await deck.press("enter")
        await until(lambda: isinstance(deck.app.screen, RestoreScreen))
        assert isinstance(deck.app.screen, RestoreScreen)
        assert deck.app.screen.running
        assert list(out.iterdir())
        await deck.press("escape")
        await deck.sees("Stop the restore?")
        await deck.press("y")
        await until(lambda: not isinstance(deck.app.screen, Confirm | RestoreScreen))
        await until(lambda: not list(out.iterdir()))


async def test_leaving_blockdeck_stops_a_prune_and_leaves_the_chain(
    chain: Built, open_deck: DeckOpener, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", gate.path)
    before = {path.name: path.read_bytes() for path in chain.directory.iterdir()}
    async with open_deck() as deck:
        deck.app.push_screen(PruneScreen(chain.directory))
        await deck.sees("Nothing goes.")
        await deck.fill_in("1")
        await deck.press("tab")
        await deck.fill_in("0")
        await deck.sees("points and")
        await deck.press("f2")
        await until(lambda: isinstance(deck.app.screen, Confirm))
        await deck.press("y")
        await until(lambda: gate.reached)
        assert read_chain(chain.kept.path).chain.surplus

    def as_before() -> bool:
        # What is on its way out may go between the look at the directory and that at the file.
        there = {path.name for path in chain.directory.iterdir()}
        return there == {*before} and all(
            (chain.directory / name).read_bytes() == data for name, data in before.items()
        )

    await until(as_before)


def test_a_long_line_goes_on_below_its_last_column() -> None:
    row = "  1  2026-11-03 03:00  full          8.5 MiB  last, daily; becomes full"
    assert filled(row, 62).splitlines() == [
        "  1  2026-11-03 03:00  full          8.5 MiB  last, daily;",
        "                                             becomes full",
    ]
    assert filled("qemu-img convert /a/b /c", 20).splitlines() == [
        "qemu-img convert",
        "    /a/b /c",
    ]
