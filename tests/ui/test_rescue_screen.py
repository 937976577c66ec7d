"""A guest that a backup has stopped: seen at once on every screen, and rescued by keys."""

from pathlib import Path

import pytest

from tests.faults.server import target_server
from tests.faults.test_qemu import halted
from tests.guest import booted, guest_disk
from tests.qemu import QemuStarter
from tests.small import small_filesystem
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck
from tests.waiting import until
from tests.worker.disks import MIB
from tests.worker.test_rescue import ROOM, backup, goes_on
from tests.worker.watching import J
from tui.widgets.trouble_banner import TroubleBanner

NARROW = (80, 24)
LONG = "blockdeck-archive-20260131-120000"
"""A job id of the usual length."""


def banner(deck: Deck) -> str:
    """The red line, where it is seen."""
    found = deck.on_screen(TroubleBanner)
    return found.text if found.display else ""


@pytest.mark.parametrize("size", [NARROW, (120, 40)])
async def test_a_stopped_guest_is_told_of_and_rescued(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path, size: tuple[int, int]
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw")))
    await vm.qmp("cont")
    with small_filesystem(tmp_path / "small", ROOM) as small:
        async with open_deck(vm, size) as deck:
            await deck.sees("d0", "running")
            assert banner(deck) == ""
            assert "RESCUE" not in deck.screen
            await vm.qmp("drive-backup", backup(small) | {"job-id": LONG})
            await until(lambda: "The guest is STOPPED: a write to d0" in banner(deck))
            await until(lambda: "target is full" in banner(deck))
            await deck.sees("io-error", "R RESCUE")
            for key in ("2", "3", "1"):
                await deck.press(key)
                await deck.sees("The guest is STOPPED")
            await deck.press("R")
            await deck.sees("Cancel the backup, then let the guest go on", "Let both go on")
            await deck.sees("Enter Do it")
            # Whoever presses Enter without reading changes nothing.
            await deck.press("enter")
            await deck.sees_no_more("Let both go on")
            assert await vm.qmp("query-jobs")
            await deck.press("R")
            # There is no room yet.
            await deck.sees(
                "Leave it as it is", "Only after room was made: ", "of 2.0 MiB are free"
            )
            await deck.press("end", "enter")
            await deck.sees("NOT DONE: the guest ran, and was stopped again", "Enter Do it")
            await deck.press("home", "down", "enter")
            await deck.sees(f"cancelling {LONG}", "The guest runs again", "Esc closes this.")
            await deck.sees_no_more("STOPPED", "Enter Do it")
            await deck.press("escape")
            await deck.sees_no_more("STOPPED", "RESCUE")
            await goes_on(vm)
            await deck.press("2")
            await until(lambda: deck.rows[0]["State"] == "cancelled")


async def test_a_guest_goes_on_at_once_where_the_backup_that_stopped_it_has_failed(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw")))
    await vm.qmp("cont")
    with small_filesystem(tmp_path / "small", ROOM) as small:
        async with open_deck(vm, NARROW) as deck:
            await deck.sees("d0", "running")
            await vm.qmp("drive-backup", backup(small, on_target_error="report"))
            await until(lambda: "a write to d0 had to wait for" in banner(deck))
            await vm.qmp("block-job-set-speed", device=J, speed=0)
            await until(lambda: "That backup has failed: the guest can go on." in banner(deck))
            await deck.press("R")
            await deck.sees("Let the guest go on", "has failed: nothing needs to be mended")
            assert "Cancel the backup" not in deck.screen
            await deck.press("end", "enter")
            await deck.sees("the guest runs", "Done. Esc closes this.")
            await deck.press("escape")
            await deck.sees_no_more("STOPPED", "RESCUE")
            await goes_on(vm)


async def test_a_backup_whose_target_does_not_answer_is_told_of(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw", 8 * MIB)))
    await vm.qmp("cont")
    server = await target_server(qemu, 8 * MIB)
    served = {"target": server.target, "mode": "existing", "format": "raw", "sync": "full"}
    async with open_deck(vm, NARROW) as deck:
        await deck.sees("d0", "running")
        await vm.qmp("drive-backup", job_id=J, device="d0", speed=1, arguments=served)
        with halted(server.vm.pid):
            await vm.qmp("block-job-set-speed", device=J, speed=0)
            await until(lambda: "has copied nothing for" in banner(deck), within=60)
            await deck.sees("writes of the guest wait for it", "A cancel waits, too")
            first = banner(deck)
            await until(lambda: banner(deck) != first)
        await until(lambda: banner(deck) == "", within=60)
