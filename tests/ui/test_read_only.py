"""A read-only screen says so, and every key that would do something says why it does not."""

from pathlib import Path

from tests.images.chains import build
from tests.images.test_prune import POINTS
from tests.qemu import QemuStarter, Vm
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck, Form
from tests.waiting import until
from tui.config import Settings
from tui.screens.backup import BackupScreen
from tui.screens.chains import ChainsScreen

DISK = ("-blockdev", "null-co,node-name=disk0,read-zeroes=on,size=67108864")


async def jobs_of(vm: Vm) -> list[tuple[str, int]]:
    return [(job["device"], job["speed"]) for job in await vm.qmp("query-block-jobs")]


async def test_the_badge_stands_on_every_screen_of_any_width(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu("-name", "a-rather-long-name-of-a-virtual-machine", *DISK)
    for size in ((80, 24), (160, 50)):
        async with open_deck(vm, size, read_only=True) as deck:
            for key in ("1", "2", "3", "4"):
                await deck.press(key)
                await until(lambda: "READ-ONLY" in deck.header)
                assert "connected" in deck.screen.splitlines()[0]
    async with open_deck(vm) as deck:
        assert "READ-ONLY" not in deck.header


async def test_the_form_judges_and_copies_but_does_not_start(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm, read_only=True) as deck:
        await deck.go_to_row("disk0")
        await deck.press("b")
        await until(lambda: isinstance(deck.app.screen, BackupScreen))
        form = Form(deck)
        await deck.sees("Read-only: nothing is started. F5 copies the command.")
        assert not form.can_start
        await deck.press("f2")
        await deck.is_told("BlockDeck is read-only: the backup is not started.")
        await deck.press("f5")
        assert '"drive-backup"' in deck.app.clipboard
    assert await vm.qmp("query-jobs") == []
    assert list(open_deck.backups.iterdir()) == []


def chains_of(deck: Deck) -> ChainsScreen:
    """The screen on top."""
    screen = deck.app.screen
    assert isinstance(screen, ChainsScreen)
    return screen


def offered(deck: Deck) -> set[str]:
    """What the command palette has."""
    return {command.title for command in deck.app.get_system_commands(deck.app.screen)}


async def test_no_file_of_a_backup_is_written_or_deleted(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm, writing = await qemu(*DISK), {"Restore a backup", "Prune backups"}
    built = build(open_deck.backups, POINTS)
    for settings in (Settings(), Settings(read_only=True)):
        async with open_deck(vm, read_only=not settings.read_only, settings=settings) as deck:
            await deck.press("5")
            await deck.sees(built.kept.chain.vm, "5  2026-11-05")
            assert "Verify backups" in offered(deck)
            assert not offered(deck) & {*writing, "Restore", "Prune", "Checksums"}
            await deck.press("end")
            await until(lambda: (spot := chains_of(deck).spot) and spot.point)
            await deck.press("e", "p", "k", "enter")
            await deck.is_told("BlockDeck is read-only: nothing is restored.")
            assert chains_of(deck).is_current
    async with open_deck(vm) as deck:
        await deck.press("5")
        await deck.sees(built.kept.chain.vm)
        await until(lambda: offered(deck) >= {*writing, "Restore", "Prune"})


async def test_the_keys_for_jobs_say_why_they_do_nothing(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    arguments = {
        "device": "disk0",
        "job-id": "nightly",
        "sync": "full",
        "speed": 64 * 1024,
        "format": "qcow2",
    }
    await vm.qmp("drive-backup", arguments, target=str(open_deck.backups / "n.qcow2"))
    async with open_deck(vm, read_only=True) as deck:
        await deck.press("2")
        await until(lambda: deck.rows and deck.rows[0]["State"] == "running")
        for key in "psc":
            await deck.press(key)
        await until(lambda: len(deck.toasts) == 3)
        assert all("nightly: BlockDeck is read-only" in toast for toast in deck.toasts)
    assert await jobs_of(vm) == [("nightly", 64 * 1024)]
