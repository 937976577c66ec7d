"""Keys that act on a line of a list say why they do nothing while it has none."""

import pytest
from textual.widgets._toast import Toast

from tests.qemu import QemuStarter
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck
from tests.waiting import until
from tui.widgets.key_bar import KeyBar


def dimmed(deck: Deck) -> set[str]:
    """What the keys at the foot do that are dimmed."""
    return {key.words for key in deck.app.screen.query_one(KeyBar).keys if not key.enabled}


@pytest.mark.parametrize(
    ("screen", "keys", "off", "why"),
    [
        ("1", ("b", "enter"), {"Back up"}, "This VM has no block devices."),
        ("2", ("i", "enter"), {"Pause", "Cancel"}, "No jobs. Press 1 for the disks"),
        ("3", ("e", "enter"), {"Export", "JSON"}, "No events yet"),
        ("4", ("v", "enter", "c", "f5"), {"Read", "Copy", "Copy JSON"}, "No backup has ended yet."),
    ],
)
async def test_an_empty_list_dims_what_takes_a_line_and_its_keys_say_why(
    qemu: QemuStarter,
    open_deck: DeckOpener,
    screen: str,
    keys: tuple[str, ...],
    off: set[str],
    why: str,
) -> None:
    async with open_deck(await qemu()) as deck:
        await deck.press(screen)
        await deck.sees(why)
        await until(lambda: off <= dimmed(deck))
        for key in keys:
            deck.app.clear_notifications()
            await until(lambda: not deck.toasts)
            await deck.press(key)
            await deck.is_told(why)


async def test_a_filter_that_nothing_passes_is_the_reason_then(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    disk = "null-co,node-name=d0,read-zeroes=on,size=8388608"
    async with open_deck(await qemu("-blockdev", disk)) as deck:
        await until(lambda: deck.rows and "Back up" not in dimmed(deck))
        await deck.press("slash", *"nothing", "enter")
        await deck.sees("No disk matches 'nothing'.")
        await until(lambda: "Back up" in dimmed(deck))
        await deck.press("b")
        await deck.is_told("No disk matches 'nothing'. Escape clears the filter.")
        await deck.press("escape")
        await until(lambda: deck.rows and "Back up" not in dimmed(deck))


async def test_taking_ended_jobs_off_the_list_says_when_there_are_none(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    async with open_deck(await qemu()) as deck:
        await deck.press("2", "x")
        await deck.is_told("No job has ended")


async def test_a_key_that_is_pressed_again_and_again_says_why_once(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    """Its toasts would cover the list."""
    async with open_deck(await qemu()) as deck:
        await deck.press("2")
        await deck.sees("No jobs")
        for _ in range(4):
            await deck.press("c")
        await deck.sees("▌")
        await deck.settle()
        (said,) = deck.toasts
        assert len(deck.app.screen.query(Toast)) == 1
        assert said in " ".join(deck.screen.replace("▌", " ").split())
