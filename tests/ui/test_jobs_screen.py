"""The jobs: ours and others', running and ended, and how they are cancelled."""

import json
from pathlib import Path

from tests.qemu import QemuStarter, Vm, qemu_img
from tests.ui.conftest import DeckOpener
from tests.ui.deck import WIDE, Deck
from tests.waiting import until, until_answered
from tui.screens.confirm import Confirm
from tui.screens.jobs import JobsScreen
from tui.vm.job import Outcome

DISK = ("-blockdev", "null-co,node-name=disk0,read-zeroes=on,size=67108864")
MIB = 1 << 20


async def start_foreign(vm: Vm, opener: DeckOpener, job: str, **more: object) -> None:
    """Another client starts a backup that takes its time."""
    target = str(opener.backups / f"{job}.qcow2")
    arguments = {"device": "disk0", "job-id": job, "sync": "full", "target": target}
    await vm.qmp("drive-backup", {**arguments, "format": "qcow2", "speed": 64 * 1024, **more})


async def job_is_running(deck: Deck) -> None:
    await deck.press("2")
    await until(lambda: deck.rows and deck.rows[0]["State"] == "running")


async def test_no_jobs_says_what_to_do_next(qemu: QemuStarter, open_deck: DeckOpener) -> None:
    async with open_deck(await qemu(*DISK)) as deck:
        await deck.sees("disk0")
        await deck.press("2")
        await deck.sees("No jobs. Press 1 for the disks, then b to back one up.")
        for key in "pscfea":
            await deck.press(key)
            await deck.is_told("There is no job that it could be done to.")
            deck.app.clear_notifications()
            await until(lambda: not deck.toasts)


async def test_a_job_of_another_client_is_told_from_ours(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm, WIDE) as deck:
        await deck.sees("disk0")
        await start_foreign(vm, open_deck, "nightly")
        await job_is_running(deck)
        await until(lambda: deck.rows[0]["Disk"] == "disk0")
        await until(lambda: "-" not in (deck.rows[0]["Rate"], deck.rows[0]["Left"]))
        row = deck.rows[0]

    assert row["Job"] == "nightly"
    assert row["By"] == "other"
    assert row["Type"] == "backup"
    assert row["Limit"] == "64.0 KiB/s"
    assert row["I/O"] == "ok"
    assert row["Progress"].endswith("%")


async def test_a_wide_terminal_has_room_for_all_that_changes_and_for_both_ends_of_a_name(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm, (160, 50)) as deck:
        await deck.sees("disk0")
        await start_foreign(vm, open_deck, "nightly-of-the-mail-server-20260131")
        await job_is_running(deck)
        shown = ("Job", "Disk", "State", "Progress", "Rate", "Left", "Limit", "By", "Type")
        assert set(deck.rows[0]) >= {*shown, "Time", "I/O"}
        await deck.resize(80, 24)
        await until(lambda: deck.rows and deck.rows[0]["Job"] == "nightly…260131")


async def test_cancelling_says_what_is_lost_and_enter_alone_keeps_the_job(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await start_foreign(vm, open_deck, "nightly")
        await job_is_running(deck)
        await deck.press("c")
        await deck.sees("Cancel nightly?", "stays behind, incomplete", "Another client started it")
        await deck.press("c")
        assert isinstance(deck.app.screen, Confirm)
        await deck.press("enter")
        await until(lambda: isinstance(deck.app.screen, JobsScreen))
        assert await vm.qmp("query-block-jobs")

        await deck.press("c")
        await deck.sees("Cancel nightly?")
        await deck.press("y")
        await until(lambda: deck.rows[0]["State"] == "cancelled")
        await deck.sees("cancelled: by us")
    assert not await vm.qmp("query-block-jobs")


async def test_ended_jobs_stay_until_they_are_cleared(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await start_foreign(vm, open_deck, "nightly", speed=0)
        await deck.press("2")
        await until(lambda: deck.rows and deck.rows[0]["State"] == "succeeded")
        await deck.sees("succeeded: all of it was copied", "100%")
        await deck.press("x")
        await deck.sees("No jobs.")


async def test_a_failed_job_shows_what_qemu_says(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    image = tmp_path / "disk.raw"
    image.write_bytes(b"a" * 8 * MIB)
    broken = {
        "driver": "blkdebug",
        "node-name": "disk0",
        "image": {"driver": "file", "filename": str(image)},
        "inject-error": [{"event": "none", "iotype": "read", "errno": 5, "sector": 8192}],
    }
    vm = await qemu("-blockdev", json.dumps(broken))
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await start_foreign(vm, open_deck, "doomed", speed=0)
        await deck.press("2")
        await until(lambda: deck.rows and deck.rows[0]["State"] == "failed")
        await deck.sees("failed: Input/output error", "advice", "see the kernel log")


async def test_cancelled_by_another_client_is_told_as_such(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await start_foreign(vm, open_deck, "nightly")
        await job_is_running(deck)
        await vm.qmp("block-job-cancel", device="nightly")
        await deck.sees("cancelled: by another client")


async def test_a_qemu_that_dies_loses_its_job_on_the_screen_too(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await start_foreign(vm, open_deck, "nightly")
        await job_is_running(deck)
        await vm.kill()
        await deck.sees("LOST, trying again", "lost: QEMU has ended")


async def test_quitting_with_a_job_stays_and_otherwise_leaves_it_running(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await start_foreign(vm, open_deck, "nightly")
        await job_is_running(deck)
        await deck.press("q")
        await deck.sees("Quit while jobs are running?", "nightly", "Nothing is lost")
        await deck.press("enter")
        await until(lambda: isinstance(deck.app.screen, JobsScreen))

        await deck.press("q")
        await deck.sees("Quit while jobs are running?")
        await deck.press("y")
        await until(lambda: not deck.app.is_running)
    assert [job["id"] for job in await vm.qmp("query-jobs")] == ["nightly"]


async def test_our_own_job_is_dismissed_once_its_outcome_is_on_record(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm, WIDE) as deck:
        await deck.sees("disk0", "ready")
        await deck.press("b")
        await deck.sees("Ready. F2 starts the backup.")
        await deck.press("f2")
        await until(lambda: deck.vm.jobs and deck.vm.jobs[-1].outcome is Outcome.SUCCEEDED)
        await deck.sees("Job", "succeeded: all of it was copied")
        assert deck.rows[0]["By"] == "us"

        async def gone() -> bool:
            return not await vm.qmp("query-jobs")

        await until_answered(gone)
    lines = (open_deck.state / "history.jsonl").read_text().splitlines()
    assert len(lines) == 1, lines
    (line,) = lines
    assert json.loads(line)["outcome"] == "succeeded"


async def test_a_job_that_has_no_disk_is_listed_when_it_stays(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await qemu(*DISK)
    image = tmp_path / "made.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", image, "64M")
    async with open_deck(vm, WIDE) as deck:
        await deck.sees("disk0", "ready")
        await vm.qmp("blockdev-add", driver="file", node_name="f", filename=str(image))
        options = {"driver": "qcow2", "file": "f", "size": 64 << 20}
        await vm.qmp("blockdev-create", job_id="made", options=options)
        await deck.press("2")
        # Nobody dismisses it.
        await until(lambda: deck.rows and deck.rows[0]["State"] == "succeeded")
        assert (deck.rows[0]["Job"], deck.rows[0]["Type"]) == ("made", "create")
        assert (deck.rows[0]["Limit"], deck.rows[0]["By"]) == ("-", "other")
