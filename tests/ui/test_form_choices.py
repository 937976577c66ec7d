"""Fields that depend on others, on the disk, and on what is at the target."""

import itertools
import resource
from pathlib import Path
from typing import Any

from tests.qemu import PC, QemuStarter, Vm, qemu_img
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck, Form, nothing_in_mind, open_form
from tests.waiting import until
from tui.app_keys import APP_KEYS
from tui.keymap import letters
from tui.screens.backup import BackupScreen
from tui.screens.help import HelpScreen
from tui.vm.job import Outcome


async def a_vm(qemu: QemuStarter, place: Path, *more: str, **drive: Any) -> Vm:
    """A VM with the disk d0, on which there may be options."""
    qemu_img("create", "-q", "-f", "qcow2", place / "base.qcow2", "16M")
    backing = ("-b", str(place / "base.qcow2"), "-F", "qcow2")
    qemu_img("create", "-q", "-f", "qcow2", *backing, place / "disk.qcow2")
    name = drive.get("file", "disk.qcow2")
    options = f"if=none,id=d0,node-name=n0,format=qcow2,file={place / name}"
    return await qemu(*more, "-drive", options)


async def test_what_a_disk_without_backing_file_bitmap_and_io_status_is_offered(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await a_vm(qemu, tmp_path, file="base.qcow2")
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await form.is_ready()
        assert await form.choices("sync") == ["full", "none"]
        assert form.under("sync") == (
            "Top needs a backing file; incremental and bitmap need a dirty bitmap."
        )
        await deck.press("f3")
        assert await form.choices("on-source-error") == ["default", "report", "ignore", "auto"]
        assert form.under("on-source-error") == "Stop and enospc need a disk with io-status."


async def test_what_a_disk_with_all_of_them_is_offered(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await a_vm(qemu, tmp_path, *PC, "-device", "virtio-blk-pci,drive=d0")
    await vm.qmp("block-dirty-bitmap-add", node="n0", name="daily")
    await vm.qmp("block-dirty-bitmap-add", node="n0", name="weekly")
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await form.is_ready()
        assert await form.choices("sync") == ["top", "full", "none", "incremental", "bitmap"]
        await deck.press("f3")
        # They are seen at once, though they are below all the others.
        await until(lambda: form.focused == "job-id")
        for name in ("on-source-error", "on-target-error"):
            assert {"stop", "enospc"} <= set(await form.choices(name))
        await deck.press("f3")

        assert "bitmap" not in form.fields
        await form.choose("sync", "incremental")
        await until(lambda: "bitmap" in form.fields)
        await form.is_off("Bitmap")
        await form.says("bitmap", "Choose a bitmap: sync=incremental copies what it marks.")
        assert set(await form.choices("bitmap")) == {"not given", "daily", "weekly"}
        await form.choose("bitmap", "weekly")
        await form.is_ready()
        assert form.arguments["bitmap"] == "weekly"

        # sync=bitmap wants to be told what becomes of the bitmap.
        await form.choose("sync", "bitmap")
        await form.is_off("Bitmap mode")
        await deck.press("f2")
        await until(lambda: form.focused == "bitmap-mode")
        await form.choose("bitmap-mode", "never")
        await form.is_ready()

        # What does not go together is told where it stands, and stays as it was chosen.
        await form.choose("sync", "full")
        await form.is_off("Bitmap mode")
        await form.says("bitmap-mode", "bitmap-mode=never has no effect with sync=full")
        await form.choose("bitmap-mode", "default")
        await form.choose("bitmap", "not given")
        await form.is_ready()
        assert "bitmap" not in form.fields


async def test_formats_decide_on_compress_and_sync_on_formats(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await a_vm(qemu, tmp_path)
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await form.is_ready()
        assert form.is_enabled("compress")
        await form.choose("format", "raw")
        await form.says("compress", "Format raw cannot be compressed; qcow2 can.")
        assert not form.is_enabled("compress")
        await form.choose("format", "qcow2")
        await until(lambda: form.is_enabled("compress"))
        await form.choose("compress", "on")
        await form.choose("format", "raw")
        await form.says("compress", "'raw' cannot hold compressed data")
        await form.is_off("Compress")
        assert form.is_enabled("compress"), "what is chosen can be taken back"
        await form.choose("format", "qcow2")
        await form.choose("compress", "default")
        await form.choose("sync", "none")
        await form.says("format", "Sync=none needs a format with a backing file.")
        assert "raw" not in await form.choices("format")


async def test_a_file_that_exists_is_replaced_only_after_a_tick(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await a_vm(qemu, tmp_path)
    one, two = open_deck.backups / "one.qcow2", open_deck.backups / "two.raw"
    qemu_img("create", "-q", "-f", "qcow2", one, "3M")
    two.write_bytes(b"precious" * 1000)
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await form.is_ready()
        assert form.ticks == ""
        await form.fill_in("target", str(one))
        await form.is_off("a box is to be ticked")
        assert "[ ]" in form.ticks
        assert f"{one.name}' exists (qcow2, 19" in form.ticks
        assert "changed today" in form.ticks
        assert form.ticks.endswith("the backup replaces it for good.")

        await deck.press("f2")
        await until(lambda: form.focused == "Tick")
        await deck.press("space")
        await form.is_ready()
        assert "[x]" in form.ticks

        # A consent is to the loss of one file, not of another.
        await form.fill_in("target", str(two))
        await form.is_off("a box is to be ticked")
        assert "[ ]" in form.ticks
        assert f"{two.name}' exists (raw data, 7.8 KiB" in form.ticks
        await form.fill_in("target", str(open_deck.backups / "three.qcow2"))
        await form.is_ready()
        assert form.ticks == ""

        await form.fill_in("target", str(two))
        await form.is_off("a box is to be ticked")
        await form.tab_to("Tick")
        await deck.press("enter")
        await form.is_ready()
        assert two.read_bytes().startswith(b"precious")
        await deck.press("f2")
        await deck.sees("succeeded: all of it was copied")
        assert two.read_bytes()[:4] == b"QFI\xfb"


async def test_what_qemu_refuses_in_spite_of_all_is_told_at_its_field(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await a_vm(qemu, tmp_path)
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await form.fill_in("speed", "7MiB")
        await form.is_ready()
        typed = form.arguments
        # While QEMU looks at a target for the dry run, it holds files that it closes again.
        await nothing_in_mind(deck)
        limits = no_more_files(vm.pid)
        await form.go_to("speed")
        await deck.press("f2")

        await form.says("target", "QEMU refused: Could not create")
        # The reason and the advice are not pushed out of sight by a long path.
        advice = "Too many open files. Choose another directory or name."
        await until(lambda: form.under("target").endswith(advice))
        await deck.sees("QEMU refused; change something and try again.")
        assert form.focused == "target"
        assert form.arguments == typed, "nothing that was typed is lost"
        assert await vm.qmp("query-jobs") == []

        resource.prlimit(vm.pid, resource.RLIMIT_NOFILE, limits)
        await deck.press("f2")
        await deck.sees("succeeded: all of it was copied")
        (job,) = deck.vm.jobs
        assert job.outcome is Outcome.SUCCEEDED


def no_more_files(pid: int) -> tuple[int, int]:
    """Let a process open nothing more; returns what it was allowed before."""
    taken = {int(link.name) for link in Path(f"/proc/{pid}/fd").iterdir()}
    first_free = next(number for number in itertools.count() if number not in taken)
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (first_free, before[1]))
    return before


async def test_a_disk_that_becomes_busy_under_the_form_is_told_in_time(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await a_vm(qemu, tmp_path, file="base.qcow2")
    await vm.write("d0", 0, 16 << 20, 1)
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await form.is_ready()
        target = str(tmp_path / "others.qcow2")
        slow = {"device": "d0", "target": target, "sync": "full", "format": "qcow2"}
        await vm.qmp("drive-backup", {**slow, "speed": 65536, "job-id": "others"})
        await deck.press("f2")
        await says_busy(deck, form)
        assert [job["id"] for job in await vm.qmp("query-jobs")] == ["others"]


async def says_busy(deck: Deck, form: Form) -> None:
    """The form says that a job of another is on the disk, and does not start."""
    await deck.sees("A backup job 'others' works on this disk; wait for its end or cancel it.")
    await deck.sees("Back up d0  busy with job others")
    assert not form.can_start


async def test_no_letter_on_a_choice_leaves_the_form_or_the_vm(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await a_vm(qemu, tmp_path)
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await form.is_ready()
        await form.go_to("sync")
        for key in letters(APP_KEYS).split(","):
            await deck.press(key)
        assert form.focused == "sync"
        await deck.press("question_mark")
        await until(lambda: isinstance(deck.app.screen, HelpScreen))
        await deck.press("escape")
        await until(lambda: isinstance(deck.app.screen, BackupScreen))
        assert form.focused == "sync"
