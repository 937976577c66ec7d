"""What an operator sees of the room for a backup, and has done for it."""

from pathlib import Path

import pytest

from tests.guest import MIB, booted, guest_disk
from tests.qemu import QemuStarter
from tests.small import small_filesystem
from tests.ui.conftest import DeckOpener
from tests.ui.deck import USUAL, WIDE, Form
from tests.waiting import until
from tests.worker.test_rescue import backup
from tui.vm.bound import Bound

NARROW = (80, 24)


@pytest.mark.parametrize("size", [NARROW, USUAL, WIDE], ids=str)
async def test_a_target_that_gets_full_is_told_of_in_time_and_the_backup_ends_before(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path, size: tuple[int, int]
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw", 64 * MIB)))
    await vm.qmp("cont")
    with small_filesystem(tmp_path / "small", 32 * MIB) as small:
        async with open_deck(vm, size) as deck:
            await deck.sees("d0")
            await vm.qmp("drive-backup", backup(small, speed=MIB))
            await deck.press("2")
            await deck.sees("of 32.0 MiB free", "full in", "to come")
            # On every screen.
            await deck.press("1")
            await deck.sees("fills its target in", "Press 2, then c or f.")
            await deck.press("2", "f")
            await deck.sees("is cancelled before its target is full", "Guarded")
            await vm.qmp("block-job-set-speed", device=deck.vm.live_jobs[0].id, speed=8 * MIB)
            await deck.sees("cancelled: by us: the target's file system was about to be full")
            await deck.sees_no_more("fills its target in")
    assert (await vm.qmp("query-status"))["status"] == "running"


async def test_of_a_sparse_disk_what_it_holds_is_told_and_no_alarm_is_given(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    disk = guest_disk(tmp_path / "disk.raw", 16 * MIB)
    with disk.open("r+b") as image:
        image.truncate(1024 * MIB)
    vm = await qemu(*booted(disk))
    with small_filesystem(tmp_path / "small", 64 * MIB) as small:
        async with open_deck(vm, NARROW) as deck:
            await deck.sees("d0")
            await vm.qmp("drive-backup", backup(small, speed=4 * MIB))
            await deck.press("2")
            await deck.sees("of 64.0 MiB free; enough for about")
            await until(lambda: (s := deck.vm.live_jobs[0].care.space) and s.full_in)
            await deck.settle()
            assert "full in" not in deck.screen
            assert "fills its target" not in deck.screen


async def test_care_is_wished_for_in_the_form(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw", 64 * MIB)))
    await vm.qmp("cont")
    async with open_deck(vm, WIDE) as deck:
        await deck.sees("d0")
        await deck.go_to_row("d0")
        await deck.press("b")
        form = Form(deck)
        await form.is_ready()
        await form.fill_in("target", str(tmp_path / "target.qcow2"))
        await form.fill_in("speed", "1MiB")
        await form.fill_in("easy", "quick")
        await form.is_off("Go easy")
        assert "How long a write may take: as 2x" in form.under("easy")
        await form.fill_in("easy", "500 ms")
        await form.choose("when-full", "cancel")
        await form.is_ready()
        await deck.press("f2")
        await deck.sees("500 ms: ", "Guarded")
        (job,) = deck.vm.live_jobs
        assert job.care.wishes.cancel_before_full
        # QEMU is told nothing of it.
        assert job.command is not None
        assert not {"easy", "when-full"} & set(job.command["arguments"])  # type: ignore[call-overload]
        await deck.press("e")
        await deck.sees("Easy on the guest:", "Off: as fast as it can", "whatever it was before")
        await deck.fill_in("soon")
        await deck.press("enter")
        await deck.sees("How long a write may take")
        await deck.fill_in("3x")
        await deck.press("enter")
        await deck.sees("keeps writes under 3x", "3x: ")
        await deck.press("e", "down", "end", "enter")
        await until(lambda: deck.vm.live_jobs[0].care.wishes.easy is None)
        # Nothing typed is twice as long as before, and so is the first preset.
        for keys in (("e", "enter"), ("e", "down", "home", "enter")):
            await deck.press(*keys)
            await until(lambda: deck.vm.live_jobs[0].care.wishes.easy == Bound(2.0))
            await deck.press("e", "down", "end", "enter")
            await until(lambda: deck.vm.live_jobs[0].care.wishes.easy is None)


async def test_what_is_not_seen_cannot_be_guarded_and_that_is_said(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(
        *("-blockdev", "null-co,node-name=disk0,size=1073741824"),
        *("-blockdev", "null-co,node-name=target,size=1073741824"),
    )
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await vm.qmp(
            "blockdev-backup", job_id="j", device="disk0", target="target", sync="full", speed=1
        )
        await deck.press("2")
        await until(lambda: deck.rows)
        await deck.sees("started by another client")
        await deck.press("f")
        await deck.is_told("Guard j: the file system of its target is not seen from here")
        assert not deck.vm.live_jobs[0].care.wishes
