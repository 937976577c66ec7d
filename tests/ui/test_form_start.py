"""From a disk to a running backup, and what is sent to QEMU for it."""

import json
import re
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import QemuStarter, Vm, qemu_img
from tests.ui.conftest import DeckOpener
from tests.ui.deck import WIDE, Deck, open_form
from tests.waiting import until
from tui.screens.jobs import JobsScreen
from tui.vm.job import Outcome
from tui.widgets.plain_input import PlainInput

MIB = 1 << 20


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with one disk full of a pattern; QEMU writes down every command it is given."""
    disk = tmp_path / "disk.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", disk, "4M")
    drive = ("-drive", f"if=none,id=d0,format=qcow2,file={disk}")
    vm = await qemu(*drive, "-trace", "handle_qmp_command")
    await vm.write("d0", 0, 4 * MIB, 0xA)
    # To be compared from outside, its tables must be on the disk.
    await vm.qmp("human-monitor-command", command_line='qemu-io d0 "flush"')
    return vm


def given_to(vm: Vm) -> list[dict[str, Any]]:
    """The `drive-backup` commands that QEMU was given, as it traced them."""
    log = (vm.directory / "qemu.log").read_text()
    commands = [json.loads(text) for text in re.findall(r"handle_qmp_command .*? req: (.*)", log)]
    found = [command for command in commands if command.get("execute") == "drive-backup"]
    return [{key: command[key] for key in ("execute", "arguments")} for command in found]


def is_past(second: int) -> bool:
    """Whether a later second (since the epoch) has begun."""
    return int(time.time()) > second


def is_looked_at(deck: Deck, job_id: str) -> bool:
    """Whether the cursor of the list of jobs is on that job."""
    screen = deck.app.screen
    job = screen.highlighted if isinstance(screen, JobsScreen) and deck.rows else None
    return job is not None and job.id == job_id


@pytest.mark.parametrize("start", [("f2",), ("enter", "enter")])
async def test_from_the_disk_to_a_full_backup_is_open_and_confirm(
    vm: Vm, open_deck: DeckOpener, tmp_path: Path, start: tuple[str, ...]
) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        assert form.focused == "target"
        await form.is_ready()
        shown = form.preview
        target = Path(form.arguments["target"])
        assert target.parent == open_deck.backups
        assert form.arguments["sync"] == "full"
        assert form.arguments["format"] == "qcow2"
        assert form.arguments["auto-dismiss"] is False
        await deck.press(*start)

        await deck.sees("succeeded: all of it was copied", str(target))
        assert isinstance(deck.app.screen, JobsScreen)
        assert given_to(vm) == [shown]
        compared = qemu_img("compare", "-U", tmp_path / "disk.qcow2", target)
        assert "Images are identical." in compared
        (job,) = deck.vm.jobs
        assert (job.id, job.outcome) == (shown["arguments"]["job-id"], Outcome.SUCCEEDED)


async def test_a_backup_that_was_just_started_is_the_one_looked_at(
    vm: Vm, open_deck: DeckOpener
) -> None:
    async with open_deck(vm) as deck:
        for speed in ("1", "1M"):
            await deck.press("1")
            await until(lambda: bool(deck.rows) and deck.rows[0].get("Backup") == "ready")
            # Names of jobs and targets tell the second in which they were suggested.
            now = int(time.time())
            await until(partial(is_past, now))
            form = await open_form(deck, "d0")
            await form.fill_in("speed", speed)
            await form.is_ready()
            started = form.arguments["job-id"]
            await deck.press("f2")
            await until(partial(is_looked_at, deck, started))
            await deck.sees("state      running")
            await deck.press("c")
            await deck.sees(f"Cancel {started}?")
            await deck.press("y")
            await deck.sees("cancelled: by us")


async def test_the_next_form_suggests_where_the_last_backup_went(
    vm: Vm, open_deck: DeckOpener, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    async with open_deck(vm) as deck:
        deck.app.directory = None
        form = await open_form(deck, "d0")
        assert Path(form.text("target")).parent == tmp_path, "beside the disk at first"
        await form.fill_in("target", str(tmp_path / "elsewhere" / "one.qcow2"))
        await form.is_ready()
        await deck.press("f2")
        await deck.sees("succeeded: all of it was copied")
    async with open_deck(vm) as deck:
        deck.app.directory = None
        form = await open_form(deck, "d0")
        assert Path(form.text("target")).parent == tmp_path / "elsewhere"


async def test_every_argument_of_this_qemu_has_a_field(vm: Vm, open_deck: DeckOpener) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        of_qemu = ["sync", "target", "format", "mode", "speed", "compress", "way"]
        assert form.fields == [*of_qemu, "preset", "when-full", "easy"]
        await deck.press("f3")
        await form.choose("sync", "full")
        basic_and_more = set(form.fields)
        schema = deck.worker.schema
        assert schema is not None
        names = set()
        for argument in schema.arguments("drive-backup"):
            inner = [f"{argument.name}.{member.name}" for member in argument.members]
            names |= set(inner or [argument.name])
        # The disk is in the title; the bitmap and its mode come with a sync that needs them.
        own = {"way", "preset", "when-full", "easy", "fleece", "target-io"}
        assert basic_and_more == names - {"device", "bitmap", "bitmap-mode"} | own
        await deck.press("f3")
        assert form.fields == [*of_qemu, "preset", "when-full", "easy"]


TYPED = {
    "target": None,
    "speed": "50MiB",
    "job-id": "nightly.d0",
    "filter-node-name": "cbw0",
    "x-perf.max-workers": "8",
    "x-perf.max-chunk": "1MiB",
}
CHOSEN = {
    "format": "qcow2",
    "mode": "absolute-paths",
    "compress": "on",
    "on-source-error": "report",
    "on-target-error": "report",
    "auto-finalize": "on",
    "auto-dismiss": "off",
    "x-perf.use-copy-range": "off",
}


async def test_every_argument_reaches_qemu_as_the_preview_shows_it(
    vm: Vm, open_deck: DeckOpener
) -> None:
    node = (await vm.qmp("query-block"))[0]["inserted"]["node-name"]
    await vm.qmp("block-dirty-bitmap-add", node=node, name="daily")
    await vm.write("d0", 0, MIB, 0xB)
    target = str(open_deck.backups / 'odd "name" [x] ünï.qcow2')
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await deck.press("f3")
        await form.choose("sync", "bitmap")
        await form.choose("bitmap", "daily")
        await form.choose("bitmap-mode", "always")
        for name, value in CHOSEN.items():
            await form.choose(name, value)
        for name, text in TYPED.items():
            await form.fill_in(name, text or target)
        await form.is_ready()
        shown = form.preview
        assert shown["arguments"] == {
            "device": "d0",
            "sync": "bitmap",
            "bitmap": "daily",
            "bitmap-mode": "always",
            **{
                name: {"on": True, "off": False}.get(value, value)
                for name, value in CHOSEN.items()
                if "." not in name
            },
            "target": target,
            "speed": 50 * MIB,
            "job-id": "nightly.d0",
            "filter-node-name": "cbw0",
            "x-perf": {"use-copy-range": False, "max-workers": 8, "max-chunk": MIB},
        }
        await deck.press("f2")
        await deck.sees("succeeded: all of it was copied")
    assert given_to(vm) == [shown]
    assert Path(target).exists()


async def test_what_is_copied_is_what_the_preview_shows(vm: Vm, open_deck: DeckOpener) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await form.is_ready()
        await deck.press("f5")
        await deck.is_told("QMP JSON", "clipboard")
        assert json.loads(deck.app.clipboard) == form.preview
        assert "\n" not in deck.app.clipboard
        await deck.press("f6")
        await deck.is_told("qmp-shell", "clipboard")
        command, *words = deck.app.clipboard.split()
        assert command == "drive-backup"
        pairs = dict(word.split("=", 1) for word in words)
        told = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in form.arguments.items()
        }
        assert pairs == told


async def test_at_80_columns_the_command_is_on_one_line_and_the_same(
    vm: Vm, open_deck: DeckOpener
) -> None:
    async with open_deck(vm, (80, 24)) as deck:
        form = await open_form(deck, "d0")
        await form.is_ready()
        assert "\n" not in deck.line("preview-text")
        assert form.arguments["device"] == "d0"
        await deck.press("f5")
        assert json.loads(deck.app.clipboard) == form.preview


async def test_the_target_is_completed_from_the_file_system(vm: Vm, open_deck: DeckOpener) -> None:
    (open_deck.backups / "quite-a-long-directory").mkdir()
    async with open_deck(vm, WIDE) as deck:
        form = await open_form(deck, "d0")
        await form.fill_in("target", f"{open_deck.backups}/qui")
        await deck.sees(f"{open_deck.backups.name}/quite-a-long-directory/")
        await deck.press("right")
        await until(lambda: form.text("target").endswith("/quite-a-long-directory/"))
        await deck.press(*"a.qcow2")
        await form.is_ready()


async def test_the_end_of_a_long_target_is_where_one_types(vm: Vm, open_deck: DeckOpener) -> None:
    async with open_deck(vm, (120, 40)) as deck:
        await open_form(deck, "d0")
        await until(lambda: isinstance(deck.app.focused, PlainInput))
        target = deck.app.focused
        assert isinstance(target, PlainInput)
        await until(lambda: len(target.value) > target.size.width > 0)
        await until(lambda: target.scroll_offset.x == target.max_scroll_x)
        await deck.resize(90, 40)
        await until(lambda: target.scroll_offset.x == target.max_scroll_x)


async def test_two_presses_of_start_start_one_backup(vm: Vm, open_deck: DeckOpener) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await form.is_ready()
        await deck.press("f2", "f2", "f2")
        await deck.sees("succeeded: all of it was copied")
        assert len(given_to(vm)) == 1
        await until(lambda: len(deck.vm.jobs) == 1)
