"""Names, paths and errors from outside are text: never markup, never a command to the terminal."""

import json
from pathlib import Path

import pytest

from tests.qemu import PC, QemuStarter
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck
from tests.waiting import until
from tui.qmp.models import QmpEvent, Timestamp
from tui.text import plain

MARKUP = "[/x][bold]a[/bold][@click=app.exit]b[/][red"
CONTROLS = "a\x1b]0;owned\x07\x1b[2J\r\nb\x9bc\u202ed"
EMOJI = "disk \U0001f4be \u4e2d\u6587 e\u0301"
LONG = "x" * 4000

NASTY = pytest.mark.parametrize("nasty", [MARKUP, CONTROLS, EMOJI, LONG], ids=lambda t: t[:8])


async def put(deck: Deck, text: str) -> None:
    """Paste a text over what is in the focused input, which may not take all of it."""
    await deck.fill_in("")
    await deck.paste(text)


def is_harmless(screen: str) -> bool:
    """Whether nothing on the screen is anything but a character that takes cells."""
    return all(sign == "\n" or sign.isprintable() or sign == "\u0301" for sign in screen)


@NASTY
async def test_a_vm_of_any_name_is_shown(
    nasty: str, qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    name = nasty[:200].replace(",", ",,")
    vm = await qemu("-name", f"guest={name}", "-blockdev", "null-co,node-name=disk0,read-zeroes=on")
    async with open_deck(vm) as deck:
        screen = await deck.sees("disk0")
        assert is_harmless(screen)
        if nasty is MARKUP:
            assert "[/x][bold]" in screen
        if nasty is CONTROLS:
            assert "\\x1b" in screen


@NASTY
async def test_a_disk_of_any_file_name_goes_through_every_screen(
    nasty: str, qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    file = tmp_path / (nasty[:200].replace("/", "|") + ".raw")
    file.write_bytes(bytes(1 << 20))
    node = {
        "driver": "raw",
        "node-name": "disk0",
        "file": {"driver": "file", "filename": str(file)},
    }
    vm = await qemu("-blockdev", json.dumps(node))
    async with open_deck(vm) as deck:
        await deck.sees("disk0", "ready")
        assert is_harmless(deck.screen)

        await deck.press("b")
        await deck.sees("Ready. F2 starts the backup.")
        for text in (f"/{nasty}", nasty):
            await put(deck, text)
            assert is_harmless(deck.screen)
        target = str(open_deck.backups / nasty[:200].replace("/", "|"))
        await put(deck, target)
        await deck.sees("Ready. F2 starts the backup.")
        await deck.press("f2")
        await deck.sees("succeeded")
        assert is_harmless(deck.screen)
        await deck.press("3")
        await deck.sees("backup completed", "following")
        await deck.press("enter")
        assert is_harmless(await deck.sees('"event"'))
        await deck.press("escape")
        await until(lambda: deck.app.screen.__class__.__name__ == "EventsScreen")


async def test_a_question_and_a_notice_about_any_target(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu("-blockdev", "null-co,node-name=disk0,read-zeroes=on,size=67108864")
    target = open_deck.backups / (MARKUP + CONTROLS).replace("/", "|")
    arguments = {"device": "disk0", "job-id": "j", "target": str(target), "sync": "full"}
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await vm.qmp("drive-backup", {**arguments, "format": "qcow2", "speed": 65536})
        await deck.press("2")
        await deck.sees("running")
        await deck.press("c")
        assert is_harmless(await deck.sees("Cancel j?"))
        await deck.press("y")
        await deck.sees("cancelled")
        deck.app.worker.events.add(  # type: ignore[union-attr]
            QmpEvent(
                event="BLOCK_IO_ERROR",
                timestamp=Timestamp(seconds=1),
                data={"device": MARKUP, "reason": CONTROLS, "operation": "write"},
            )
        )
        await deck.press("3")
        assert is_harmless(await deck.sees("guest write failed"))
        assert "[/x][bold]" in deck.screen


async def test_what_qemu_refuses_is_quoted_as_it_is(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    drive = "if=none,id=d,driver=null-co,read-zeroes=on,size=1048576"
    vm = await qemu(*PC, "-drive", drive, "-device", "virtio-blk-pci,drive=d")
    async with open_deck(vm) as deck:
        await deck.sees("ready")
        await deck.press("b")
        await deck.sees("Ready. F2 starts the backup.")
        await put(deck, f"{MARKUP}:{CONTROLS}")
        screen = await deck.sees("Not yet")
        assert is_harmless(screen)


@NASTY
async def test_the_palette_offers_vms_of_any_name(
    nasty: str, qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    name = nasty[:200].replace(",", ",,")
    disk = "null-co,node-name=disk0,read-zeroes=on"
    vm = await qemu("-name", f"guest={name}", "-blockdev", disk)
    plain_one = await qemu("-name", "guest=web", "-blockdev", disk)
    async with open_deck(plain_one, beside=[vm]) as deck:
        await until(lambda: all(w.snapshot.loaded for w in deck.app.fleet.workers))
        title = next(w.snapshot.title for w in deck.app.fleet.workers if w.snapshot.title != "web")
        await deck.press("ctrl+p", *"switch to")
        await deck.sees("Switch to web", f"Switch to {plain(title, 60)}")
        assert is_harmless(deck.screen)
        await deck.fill_in("previous vm")
        await deck.sees("The VM before ([)")
