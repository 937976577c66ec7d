"""The keys at the foot of every screen: none is cut, however narrow the terminal."""

from pathlib import Path

import pytest
from textual import events

from tests.images.chains import build
from tests.images.test_prune import POINTS
from tests.qemu import QemuStarter, Vm
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck, open_form
from tests.waiting import until
from tui.widgets.key_bar import BarKey, KeyBar, fitted
from tui.widgets.tick import TickList

DISK = ("-blockdev", "null-co,node-name=d0,size=1073741824,read-zeroes=on")


@pytest.fixture
async def busy(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with a job, a bitmap and a leftover: every key of every screen is in use."""
    vm = await qemu("-name", "web", *DISK)
    await vm.qmp("block-dirty-bitmap-add", node="d0", name="one")
    await vm.qmp("blockdev-add", driver="null-co", node_name="left-over")
    target = str(tmp_path / "j.raw")
    backup = {"device": "d0", "target": target, "format": "raw", "sync": "full", "job-id": "j"}
    await vm.qmp("drive-backup", {**backup, "speed": 1})
    return vm


def bar(deck: Deck) -> list[str]:
    """The keys that are on the screen whole, in order; one that is cut says so."""
    # The one on top: a page of text has a bar of its own.
    line = deck.app.screen.query_one(KeyBar)
    shown = line.render_line(0).text if line.size.width else ""
    return [f"{key.text}{'' if key.text in shown else ' (CUT)'}" for key in line.keys]


async def shows(deck: Deck, *words: str) -> None:
    """Wait for these keys, and see that none is cut."""
    try:
        await until(lambda: set(words) <= set(bar(deck)))
    except AssertionError as error:
        raise AssertionError(f"not {words}, but {bar(deck)}") from error
    await deck.settle()
    assert not [word for word in bar(deck) if "CUT" in word]


EVERY = ("? Keys", "q Quit")


@pytest.mark.parametrize("width", [80, 60])
async def test_nothing_is_cut_on_any_screen(
    busy: Vm, qemu: QemuStarter, open_deck: DeckOpener, width: int
) -> None:
    beside = await qemu("-name", "db", *DISK)
    build(open_deck.backups, POINTS[:1])
    async with open_deck(busy, (width, 24), beside=[beside]) as deck:
        for keys, words in (
            ("1", ("b Back up", "/ Filter")),
            ("2", ("p Pause", "c Cancel")),
            ("3", ("Enter JSON",)),
            ("4", ("v Read",)),
            ("5", ("s Start", "n Next", "f Full")),
            ("0", ("s Show", "x Close", "/ Filter")),
        ):
            await deck.press(keys)
            await shows(deck, *words, *EVERY)
        for keys, words in (
            ("L", ("Esc Back", "d Clean up")),
            ("B", ("Esc Back", "a Add", "c Clear")),
            ("2i", ("Esc Back", "p Pause")),
        ):
            await deck.press(*keys)
            await shows(deck, *words, *EVERY)
            await deck.press("escape")
        await deck.press("question_mark")
        await shows(deck, "Esc Back")
        await deck.press("escape", "o")
        await shows(deck, "F5 Look", "Esc Back", "F1 Keys")
        await deck.press("escape", "right_square_bracket", "1")
        await deck.sees("d0")
        await open_form(deck, "d0")
        await shows(deck, "F2 Start", "Esc Back", "F1 Keys")


@pytest.mark.parametrize("width", [80, 60])
async def test_a_dialog_tells_its_keys_and_the_screen_below_none_until_it_is_back(
    busy: Vm, open_deck: DeckOpener, width: int
) -> None:
    async with open_deck(busy, (width, 24)) as deck:
        for screen, key, own, words in (
            ("2", "a", "p Pause", ("Enter Do it", "Esc Back")),
            ("2", "s", "p Pause", ("Enter Set it", "Esc Back")),
            ("2", "c", "p Pause", ("y Yes", "n No")),
            ("5", "s", "s Start", ("Space Choose", "Tab Next line", "F2 Start", "Esc Back")),
            ("B", "a", "Esc Back", ("Tab Next line", "F2 Go on", "Esc Back")),
        ):
            await deck.press(screen)
            await shows(deck, own)
            below = deck.on_screen(KeyBar)
            await deck.press(key)
            await until(lambda: deck.app.screen.is_modal)
            await shows(deck, *words)
            assert (list(below.keys), below.text) == ([], "")
            await deck.press("escape")
            await until(lambda: not deck.app.screen.is_modal)
            await shows(deck, own)


async def test_a_key_of_what_has_the_focus_is_pressed_by_a_click_too(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    async with open_deck(await qemu(*DISK)) as deck:
        await deck.press("5", "s")
        await shows(deck, "Space Choose")
        chosen = deck.on_screen(TickList).selected
        await point_at(deck, "Space Choose", events.MouseDown)
        await until(lambda: deck.on_screen(TickList).selected != chosen)


async def test_all_keys_of_the_chains_have_room_where_it_is_wide(
    busy: Vm, open_deck: DeckOpener
) -> None:
    build(open_deck.backups, POINTS[:1])
    async with open_deck(busy, (120, 40)) as deck:
        await deck.press("5")
        await shows(deck, "f Full", "c Cancel", "d Directory", "k Checksums", "i About", *EVERY)


async def test_what_there_is_room_for_is_told_in_words_and_the_rest_in_one(
    busy: Vm, open_deck: DeckOpener
) -> None:
    async with open_deck(busy, (120, 30)) as deck:
        await shows(deck, "b Back up", "1 Disks", "4 History", "5 Chains", *EVERY)
        await deck.resize(80, 24)
        await until(lambda: "4-5 More" in bar(deck))
        await shows(deck, "b Back up", "s Sort", "1 Disks", "3 Events", *EVERY)
        await deck.resize(120, 30)
        await until(lambda: "5 Chains" in bar(deck))


def key(name: str, words: str, action: str = "act") -> BarKey:
    return BarKey(name, name, words, action)


def told(keys: list[BarKey], width: int) -> str:
    return " ".join(k.text for k in fitted(keys, width))


def test_screens_go_first_then_acts_and_never_the_way_out() -> None:
    keys = [
        *(key("Esc", "Back"), key("a", "Add"), key("x", "Remove"), key("R", "RESCUE", "rescue")),
        *(key(str(n), w, f"show('{w}')") for n, w in enumerate(("Disks", "Jobs", "Events"), 1)),
        *(key("?", "Keys", "help"), key("q", "Quit", "leave")),
    ]
    whole = "Esc Back a Add x Remove R RESCUE 1 Disks 2 Jobs 3 Events ? Keys q Quit"
    assert told(keys, len(whole) + 1) == whole
    some = "Esc Back a Add x Remove R RESCUE 1 Disks 2-3 More ? Keys q Quit"
    assert told(keys, len(some) + 1) == some
    one = "Esc Back a Add x Remove R RESCUE 1-3 Screens ? Keys q Quit"
    assert told(keys, len(one) + 1) == one
    assert told(keys, len(one)) == "Esc Back a Add R RESCUE 1-3 Screens ? Keys q Quit"
    assert told(keys, 10) == "Esc Back R RESCUE 1-3 Screens ? Keys q Quit"


def test_other_keys_are_told_one_by_one() -> None:
    keys = [
        *(key(name, "Long words", f"show('{name}')") for name in "J23"),
        *(key("?", "Keys", "help"), key("q", "Quit", "leave")),
    ]
    assert told(keys, 30) == "J 2 3 Screens ? Keys q Quit"


async def test_a_key_is_pressed_by_the_mouse_and_a_dimmed_one_rings(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    async with open_deck(await qemu(), (120, 30)) as deck:
        await shows(deck, "b Back up", "2 Jobs", *EVERY)
        await point_at(deck, "2 Jobs", events.MouseMove)
        await until(lambda: deck.on_screen(KeyBar).tooltip == "Backups and other block jobs")
        await until(lambda: ground_of(deck, "2 Jobs") != ground_of(deck, "3 Events"))
        told = deck.on_screen(KeyBar).keys
        deck.app.screen.refresh_bindings()
        await until(lambda: deck.on_screen(KeyBar).keys is not told)
        # The keys were told anew, and the mouse has not moved.
        assert ground_of(deck, "2 Jobs") != ground_of(deck, "3 Events")
        await point_at(deck, "2 Jobs", events.MouseDown)
        await until(lambda: deck.app.current_mode == "jobs")
        rung = []
        deck.app.bell = lambda: rung.append(True)  # type: ignore[method-assign]
        await deck.press("L")
        # There is nothing to clean up.
        await until(lambda: "d Clean up" in dimmed(deck))
        await point_at(deck, "d Clean up", events.MouseDown)
        await until(lambda: rung)


def dimmed(deck: Deck) -> list[str]:
    """The keys at the foot that mean nothing at the moment."""
    return [key.text for key in deck.on_screen(KeyBar).keys if not key.enabled]


async def point_at(deck: Deck, words: str, event: type[events.MouseEvent]) -> None:
    """Have the mouse do something in the middle of a key at the foot."""
    line = deck.on_screen(KeyBar)
    x = line.region.x + line.render_line(0).text.index(words) + len(words) // 2
    y = line.region.y
    sent = event(None, x, y, 0, 0, 1, False, False, False, x, y)
    deck.app.post_message(sent)
    await deck.settle()


def ground_of(deck: Deck, words: str) -> object:
    """The colour behind a key at the foot."""
    line = deck.on_screen(KeyBar).render_line(0)
    place = line.text.index(words)
    style = line.crop(place, place + 1)._segments[0].style
    assert style is not None
    return style.bgcolor
