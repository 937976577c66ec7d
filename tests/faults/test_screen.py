"""What stands on the screen while a fault lasts and after it: nothing that is not so."""

import contextlib
import re
from pathlib import Path

import pytest

from tests.faults.line import bad_line
from tests.faults.scene import (
    broken_guest_disk,
    broken_target,
    graph,
    is_clean,
    wanted,
)
from tests.faults.server import target_server
from tests.faults.test_qemu import halted
from tests.guest import booted, brief_guest_disk, guest_disk
from tests.qemu import QemuStarter, Vm
from tests.qemu import qemu as qemu_in
from tests.small import small_filesystem
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck
from tests.ui.test_rescue_screen import NARROW, banner
from tests.waiting import until
from tests.worker.disks import MIB, null
from tests.worker.test_rescue import goes_on
from tests.worker.watching import J
from tui.worker import Pace

pytestmark = pytest.mark.slow

SIZE = 8 * MIB
SLOW = {"speed": 64 << 10}


async def guest(qemu: QemuStarter, directory: Path, **more: str) -> Vm:
    """A guest that writes."""
    vm = await qemu(*booted(guest_disk(directory / "disk.raw", SIZE), **more))
    await vm.qmp("cont")
    return vm


async def jobs_screen(deck: Deck, state: str) -> None:
    """Go to the jobs, where the backup is in this state."""
    await deck.press("2")
    await until(lambda: (J, state) in [(row.get("Job"), row["State"]) for row in deck.rows])


async def all_is_well(deck: Deck, vm: Vm, *told: str) -> None:
    """The job has ended as told, and no screen says that anything else is wrong."""
    await deck.press("2")
    await deck.sees(*told)
    await until(lambda: "connected" in deck.header and "running" in deck.header)
    # That writes failed or took long is told of for some seconds more.
    await until(lambda: "job" not in deck.header and banner(deck) == "")
    await deck.press("1")
    await until(lambda: deck.row("d0")["Backup"] == "ready")
    await deck.sees_no_more("STOPPED", "RESCUE", "NOT ANSWERING", "LOST", "busy with", "io-error")
    await goes_on(vm)


async def test_a_full_target_pauses_the_backup_and_the_screen_says_why(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await guest(qemu, tmp_path, werror="report")
    with small_filesystem(tmp_path / "small", MIB) as small:
        async with open_deck(vm) as deck:
            before = await graph(vm)
            await vm.qmp("drive-backup", wanted(small, on_target_error="stop"))
            await jobs_screen(deck, "paused")
            await deck.sees("paused by an I/O error (nospace)")
            # The guest runs on, and is told of each write that needs the target's room.
            await until(lambda: "FAILED" in banner(deck))
            assert "STOPPED" not in banner(deck)
            await deck.press("c")
            await deck.sees(f"Cancel {J}?")
            await deck.press("y")
            await all_is_well(deck, vm, "cancelled: by us")
            await is_clean(vm, before)


@pytest.mark.parametrize("side", ["source", "target"])
async def test_an_io_error_that_stops_the_guest_is_blamed_on_either_side(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path, side: str
) -> None:
    disk = tmp_path / "disk.raw"
    more = broken_guest_disk(disk) if side == "source" else {}
    vm = await guest(qemu, tmp_path, werror="stop", **more)
    async with open_deck(vm) as deck:
        before = await graph(vm)
        arguments = wanted(tmp_path, speed=1)
        if side == "target":
            target = broken_target(tmp_path, SIZE, {"sector": MIB // 512})
            arguments |= {"target": target, "mode": "existing", "format": "raw"}
        await vm.qmp("drive-backup", arguments)
        await until(lambda: "its target or the disk is broken" in banner(deck))
        assert "full" not in banner(deck)
        await jobs_screen(deck, "running")
        await deck.press("R")
        await deck.sees("Cancel the backup, then let the guest go on")
        await deck.press("down", "enter")
        await deck.sees("the guest runs", "Done. Esc closes this.")
        await deck.press("escape")
        await all_is_well(deck, vm, "cancelled: by us")
        await is_clean(vm, before)


async def test_a_backup_whose_server_died_has_failed_on_the_screen(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await guest(qemu, tmp_path, werror="report")
    server = await target_server(qemu, SIZE)
    async with open_deck(vm) as deck:
        before = await graph(vm)
        served = {"target": server.target, "mode": "existing", "format": "raw"}
        await vm.qmp("drive-backup", wanted(tmp_path, **served, **SLOW))
        await jobs_screen(deck, "running")
        await server.vm.kill()
        await vm.qmp("block-job-set-speed", device=J, speed=0)
        await all_is_well(deck, vm, "failed: Input/output error", "advice")
        await is_clean(vm, before)


async def test_writes_that_fail_because_the_server_died_are_told_of_until_they_fail_no_more(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    # By default an error that is no lack of space is the guest's to see.
    vm = await guest(qemu, tmp_path)
    server = await target_server(qemu, SIZE)
    async with open_deck(vm, NARROW) as deck:
        before = await graph(vm)
        served = {"target": server.target, "mode": "existing", "format": "raw"}
        await vm.qmp("drive-backup", wanted(tmp_path, **served, speed=1))
        await jobs_screen(deck, "running")
        assert banner(deck) == ""
        await server.vm.kill()
        await until(lambda: "of the guest to d0 FAILED since blockdeck-j" in banner(deck))
        await deck.sees("Press 2, then c.", "of its writes FAILED since this job began")
        first = banner(deck)
        await until(lambda: banner(deck) != first)
        await deck.press("1")
        await until(lambda: deck.row("d0")["Backup"] == "WRITES FAIL")
        await deck.press("0")
        await until(lambda: deck.column("State") == ["WRITES FAIL"])
        await deck.press("2", "c")
        await deck.sees(f"Cancel {J}?")
        await deck.press("y")
        await all_is_well(deck, vm, "cancelled: by us")
        await is_clean(vm, before)


async def test_a_halted_qemu_is_told_of_and_the_keys_stay_alive(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await guest(qemu, tmp_path)
    async with open_deck(vm, NARROW) as deck:
        before = await graph(vm)
        await vm.qmp("drive-backup", wanted(tmp_path, **SLOW))
        await jobs_screen(deck, "running")
        with halted(vm.pid):
            # For as long as the question has been out that was not answered.
            seconds = await until(lambda: silence(deck.header))
            assert seconds >= Pace().question
            assert "was running" in deck.header
            await until(lambda: silence(deck.header) > seconds + 1)
            await deck.press("0")
            await until(lambda: deck.column("State")[0].startswith("NO ANSWER "))
            first = deck.column("State")
            await until(lambda: deck.column("State") != first)
            await deck.press("1")
            await deck.sees("d0")
            await deck.press("3")
            await deck.sees("job is copying")
            await jobs_screen(deck, "running?")
            await deck.sees("running when last seen")
        await deck.sees_no_more("NOT ANSWERING", "when last seen")
        await vm.qmp("block-job-set-speed", device=J, speed=0)
        await all_is_well(deck, vm, "succeeded: all of it was copied")
        await is_clean(vm, before)


def silence(header: str) -> int:
    """For how many seconds QEMU has not answered; 0 where it does."""
    found = re.search(r"NOT ANSWERING for (\d+) s", header)
    return int(found[1]) if found else 0


async def test_a_killed_qemu_has_lost_its_backup_and_its_successor_is_another(
    open_deck: DeckOpener, tmp_path: Path
) -> None:
    place, disk = tmp_path / "vm", booted(guest_disk(tmp_path / "disk.raw", SIZE))
    async with contextlib.AsyncExitStack() as screens:
        async with qemu_in(place, *disk) as first:
            await first.qmp("cont")
            deck = await screens.enter_async_context(open_deck(first))
            await deck.sees("d0", "running")
            await first.qmp("drive-backup", wanted(tmp_path, **SLOW))
            await jobs_screen(deck, "running")
            await first.kill()
            await deck.sees("LOST, trying again", "lost: QEMU has ended")
            await nothing_is_said_of_a_dead_vm(deck)
        for socket in place.glob("*.sock"):
            socket.unlink()
        async with qemu_in(place, *disk) as second:
            before = await graph(second)
            await second.qmp("cont")
            await all_is_well(deck, second, "lost: QEMU has ended")
            arguments = wanted(tmp_path, target=str(tmp_path / "again.qcow2"))
            await second.qmp("drive-backup", arguments)
            await deck.press("2")
            await until(lambda: deck.column("State") == ["succeeded", "lost"])
            await deck.press("home")
            await all_is_well(deck, second, "succeeded: all of it was copied")
            await is_clean(second, before)


async def test_a_qemu_that_is_killed_while_its_guest_is_stopped_needs_no_rescue(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await guest(qemu, tmp_path)
    with small_filesystem(tmp_path / "small", MIB) as small:
        async with open_deck(vm) as deck:
            await vm.qmp("drive-backup", wanted(small, speed=1))
            await until(lambda: "The guest is STOPPED" in banner(deck))
            await deck.sees("RESCUE", "io-error")
            await vm.kill()
            await deck.sees("LOST, trying again")
            await nothing_is_said_of_a_dead_vm(deck)


async def nothing_is_said_of_a_dead_vm(deck: Deck) -> None:
    """Neither guest nor disks nor jobs are said to be in any state."""
    for key in ("3", "2", "1"):
        await deck.press(key)
        await deck.sees_no_more(
            "STOPPED", "RESCUE", "io-error", "job running", "busy with", "ready"
        )
        assert banner(deck) == ""
        assert "running" not in deck.header
    await until(lambda: deck.row("d0")["Backup"] == "not known")
    assert "as it was when last seen" in deck.detail
    assert "io-status" not in deck.detail
    await deck.press("0")
    await until(lambda: deck.column("State") == ["LOST"])
    await deck.press("2")


async def test_a_guest_that_turns_itself_off_is_told_as_such(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await qemu(*booted(brief_guest_disk(tmp_path / "disk.raw", SIZE)))
    async with open_deck(vm) as deck:
        await deck.sees("d0", "prelaunch")
        await vm.qmp("drive-backup", wanted(tmp_path, speed=1))
        await jobs_screen(deck, "running")
        await vm.qmp("cont")
        await deck.sees("LOST, trying again", "cancelled: by guest shutdown")
        await nothing_is_said_of_a_dead_vm(deck)


async def test_another_client_s_jobs_and_cancellation_are_told_as_such(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw", SIZE)), *null(MIB, name="d1"))
    await vm.qmp("cont")
    async with open_deck(vm) as deck:
        before = await graph(vm)
        await vm.qmp("drive-backup", wanted(tmp_path, **SLOW))
        theirs = wanted(tmp_path, target=str(tmp_path / "theirs"), auto_dismiss=True)
        await vm.qmp("drive-backup", {**theirs, "device": "d1", "job-id": "theirs"})
        await jobs_screen(deck, "running")
        await until(lambda: deck.row("theirs")["State"] == "succeeded")
        assert deck.row(J)["State"] == "running"
        await deck.sees("1 job running")
        await vm.qmp("block-job-cancel", device=J)
        await until(lambda: deck.row(J)["State"] == "cancelled")
        await deck.sees("by another client")
        await is_clean(vm, before)
        assert "job" not in deck.header


@pytest.mark.parametrize("fault", ["garbage", "stall"])
async def test_a_bad_line_is_told_of_and_forgotten(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path, fault: str
) -> None:
    vm = await guest(qemu, tmp_path)
    async with bad_line(vm.monitor) as line:
        vm.monitor = line.path
        async with open_deck(vm) as deck:
            before = await graph(vm)
            await vm.qmp("drive-backup", wanted(tmp_path, **SLOW))
            await jobs_screen(deck, "running")
            if fault == "garbage":
                line.inject(b"\x1b[2Jgarbage\xff\r\n")
                await deck.sees("LOST, trying again")
            else:
                line.halt()
                await deck.sees("NOT ANSWERING")
                await until(lambda: deck.row(J)["State"] == "running?")
                line.go_on()
            await deck.sees("1 job running")
            assert "\x1b" not in deck.screen
            await vm.qmp("block-job-set-speed", device=J, speed=0)
            await all_is_well(deck, vm, "succeeded: all of it was copied")
            await is_clean(vm, before)
