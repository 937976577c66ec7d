"""A read-only screen says so, and every key that would do something says why it does not."""

from tests.qemu import QemuStarter, Vm
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Form
from tests.waiting import until
from tui.screens.backup import BackupScreen

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
