"""The top line tells by a word which screen this is, and of which VM, however narrow it is."""

import re

import pytest

from tests.qemu import QemuStarter
from tests.ui.conftest import DeckOpener
from tests.ui.deck import open_form
from tests.waiting import until
from tui.widgets.link_reason import LinkReason

DISK = ("-blockdev", "null-co,node-name=d0,size=1073741824,read-zeroes=on")


def squeezed(text: str) -> str:
    """A text without its blanks."""
    return "".join(text.split())


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


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_why_qemu_cannot_be_reached_is_told_in_full_below(
    qemu: QemuStarter, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    vm = await qemu("-name", "web", *DISK)
    async with open_deck(vm, size) as deck:
        await deck.sees("d0", "connected")
        assert not deck.on_screen(LinkReason).display
        await vm.kill()
        await until(lambda: deck.header.endswith("LOST, trying again"))
        for key in ("2", "5", "1"):
            await deck.press(key)
            # A long path of a socket goes on in the next line.
            await until(lambda: squeezed(deck.vm.connection.detail) in squeezed(deck.screen))
        assert deck.vm.connection.detail
        vm.monitor.unlink(missing_ok=True)
        again = ("-qmp", f"unix:{vm.monitor},server=on,wait=off")
        await qemu("-name", "web", *DISK, *again)
        await until(lambda: deck.header.endswith("connected"))
        await until(lambda: not deck.on_screen(LinkReason).display)
