"""The top line tells by a word which screen this is, and of which VM, however narrow it is."""

import re

import pytest

from tests.qemu import QemuStarter
from tests.ui.conftest import DeckOpener
from tests.ui.deck import open_form
from tests.waiting import until

DISK = ("-blockdev", "null-co,node-name=d0,size=1073741824,read-zeroes=on")


@pytest.mark.parametrize("size", [(60, 24), (80, 24), (120, 40)], ids=str)
async def test_every_screen_tells_its_name_and_cuts_nothing_for_it(
    qemu: QemuStarter, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    vm = await qemu("-name", "web", *DISK)
    roomy = size[0] == 120
    async with open_deck(vm, size) as deck:
        await deck.sees("d0")

        async def begins(name: str) -> None:
            words = f" BlockDeck  {name} " if roomy else f" {name} "
            await until(lambda: deck.screen.startswith(words))
            # Of the VM there is more to tell, unless none is to be chosen yet.
            if name != "Connect":
                whole = re.compile(rf"{words} web │ QEMU [\d.]+ │ \w+ │ connected")
                await until(lambda: whole.fullmatch(deck.screen.splitlines()[0]))

        for keys, name in (
            *(("1", "Disks"), ("2", "Jobs"), ("3", "Events"), ("4", "History"), ("5", "Chains")),
            *(("0", "VMs"), ("B", "Bitmaps"), ("L", "Leftovers"), ("o", "Connect")),
        ):
            await deck.press(keys)
            await begins(name)
            if name in ("Bitmaps", "Leftovers", "Connect"):
                await deck.press("escape")
        await deck.press("1")
        await open_form(deck, "d0")
        await begins("Backup form")
