"""The history: a report of each backup that has ended, to read and to copy."""

import json
import re

import pytest

from tests.qemu import QemuStarter
from tests.ui.conftest import DeckOpener
from tests.ui.deck import USUAL, Deck
from tests.waiting import until
from tui.screens.connect import ConnectScreen
from tui.screens.history import HistoryScreen
from tui.widgets.live_table import LiveTable

DISK = ("-blockdev", "null-co,node-name=disk0,read-zeroes=on,size=8388608")


async def back_up(deck: Deck) -> None:
    """One backup by the form, to its end."""
    await deck.go_to_row("disk0")
    await deck.press("b")
    await deck.sees("Ready. F2 starts the backup.")
    await deck.press("f2")
    await deck.sees("succeeded: all of it was copied")


@pytest.mark.parametrize("size", [(80, 24), USUAL, (200, 50)], ids=str)
async def test_an_ended_backup_is_listed_read_and_copied(
    qemu: QemuStarter, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    vm = await qemu("-name", "mail", *DISK)
    async with open_deck(vm, size) as deck:
        await deck.press("4")
        await deck.sees("No backup has ended yet. Press 1 for the disks")
        await deck.press("1")
        await back_up(deck)
        await deck.press("4")
        await until(lambda: deck.rows and "Copied" in deck.rows[0])
        (row,) = deck.rows
        assert (row["Outcome"], row["Disk"], row["Copied"]) == ("succeeded", "disk0", "8.0 MiB")
        await deck.sees("outcome    SUCCEEDED", "mail")

        await deck.press("enter")
        await deck.sees("Backup blockdeck-disk0-")
        await deck.press("escape")
        await until(lambda: isinstance(deck.app.screen, HistoryScreen))
        await deck.press("c")
        text = deck.app.clipboard
        assert re.search(r"^target +.*/backups/disk0-.*\.qcow2$", text, re.MULTILINE)
        assert re.search(r'^  sync +"full"$', text, re.MULTILINE)
        await deck.press("f5")
        report = json.loads(deck.app.clipboard)
        assert (report["vm"], report["outcome"], report["way"]) == (
            "mail",
            "succeeded",
            "drive-backup",
        )
        await deck.press("slash", *"nothing")
        await deck.sees("No report matches 'nothing'. Escape clears the filter.")
        await deck.press("escape")
        await until(lambda: deck.rows)

    # The next BlockDeck, on another VM, still lists it.
    async with open_deck(await qemu(*DISK), size) as deck:
        await deck.press("4")
        await deck.sees("outcome    SUCCEEDED")


async def test_it_is_read_without_a_vm(open_deck: DeckOpener) -> None:
    async with open_deck() as deck:
        await deck.press("tab")
        await until(lambda: isinstance(deck.app.focused, LiveTable))
        await deck.press("4")
        await deck.sees("No backup has ended yet.")
        await deck.press("o")
        await until(lambda: isinstance(deck.app.screen, ConnectScreen))
