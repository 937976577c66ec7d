"""What each setting changes on the screen."""

from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, OptionList, Select

from tests.qemu import QemuStarter, Vm
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck, open_form
from tests.waiting import until
from tui.config import Settings
from tui.screens.backup import BackupScreen
from tui.screens.bitmaps import BitmapsScreen
from tui.screens.devices import DevicesScreen

DISK = ("-blockdev", "null-co,node-name=disk0,read-zeroes=on,size=67108864")
UUID = "0b1e2f3a-1111-4222-8333-444455556666"


@pytest.fixture
async def vm(qemu: QemuStarter) -> Vm:
    """A VM with a name, a UUID and a disk."""
    return await qemu("-name", "guest=Web", "-uuid", UUID, *DISK)


async def test_theme_and_colours(vm: Vm, open_deck: DeckOpener) -> None:
    colours = {"error": "#123456", "border": "#654321", "muted": "#111111"}
    settings = Settings(theme="blockdeck-contrast", colours=colours)
    async with open_deck(vm, settings=settings) as deck:
        assert deck.app.theme == "blockdeck-contrast"
        shown = deck.app.get_css_variables()
        assert {name: shown[name].lower() for name in colours} == colours
        assert shown["foreground"].lower() == "#ffffff"
        background = deck.app.screen.styles.background
        assert background.hex == "#000000"
    async with open_deck(vm) as deck:
        assert deck.app.theme == "blockdeck-dark"
        assert deck.app.get_css_variables()["error"].lower() != "#123456"


async def test_other_keys_act_and_are_shown_and_the_old_ones_do_nothing(
    vm: Vm, open_deck: DeckOpener
) -> None:
    keys = {
        "disks": {"back_up": "z,f7", "filter": "&"},
        "app": {"show_jobs": "J", "leave": "Q", "help": "?"},
        "jobs": {"pause": "P"},
    }
    async with open_deck(vm, (160, 50), settings=Settings(keys=keys)) as deck:
        await deck.go_to_row("disk0")
        await until(lambda: "z Back up" in deck.screen.splitlines()[-1])
        await deck.press("b", "q")
        assert isinstance(deck.app.screen, DevicesScreen)
        assert deck.app.is_running
        await deck.press("&")
        await until(lambda: isinstance(deck.app.focused, Input))
        await deck.press("escape", "?")
        shown = await deck.sees("Everywhere", "z, F7", "Quit; backups")
        (line,) = (line for line in shown.splitlines() if "Quit; backups" in line)
        assert line.partition("Quit; backups")[0].split()[-1] == "Q"
        await deck.press("escape", "J")
        await until(lambda: deck.app.current_mode == "jobs")
        await deck.press("1")
        await deck.press("f7")
        await until(lambda: isinstance(deck.app.screen, BackupScreen))
        # On a list of choices the letter looks for a choice, whichever letter it is.
        deck.app.screen.query(Select).first().focus()
        await deck.press("Q", "J")
        assert deck.app.is_running
        assert isinstance(deck.app.screen, BackupScreen)
        await deck.press("escape")
        await until(lambda: isinstance(deck.app.screen, DevicesScreen))
        await deck.press("Q")
        await until(lambda: not deck.app.is_running)


async def test_swapped_keys_do_each_others_acts(vm: Vm, open_deck: DeckOpener) -> None:
    target = str(open_deck.backups / "n.qcow2")
    arguments: dict[str, Any] = {"device": "disk0", "job-id": "nightly", "format": "qcow2"}
    await vm.qmp("drive-backup", {**arguments, "sync": "full", "speed": 65536, "target": target})
    swapped = {"pause": "c", "cancel": "p"}
    async with open_deck(vm, settings=Settings(keys={"jobs": swapped})) as deck:
        await deck.press("2")
        await until(lambda: deck.rows and deck.rows[0]["State"] == "running")
        await deck.press("c")
        await until(lambda: deck.rows[0]["State"] == "paused")
        await deck.press("p")
        await deck.sees("Cancel nightly")
        await deck.press("n")


async def test_a_dimmed_key_says_why_whichever_key_that_is(vm: Vm, open_deck: DeckOpener) -> None:
    keys = {
        "jobs": {"pause": "P", "cancel": "f8"},
        "leftovers": {"clean_all": "K"},
        "bitmaps": {"clear": "Z"},
    }
    target = str(open_deck.backups / "n.qcow2")
    arguments: dict[str, Any] = {"device": "disk0", "job-id": "nightly", "format": "qcow2"}
    await vm.qmp("drive-backup", {**arguments, "sync": "full", "speed": 65536, "target": target})
    async with open_deck(vm, settings=Settings(keys=keys)) as deck:
        await deck.press("2")
        await until(lambda: deck.rows and deck.rows[0]["State"] == "running")
        await deck.press("f8")
        await deck.sees("Cancel nightly")
        # It is gone before the answer: QEMU's words, and what to do.
        await vm.qmp("block-job-cancel", device="nightly", force=True)
        await until(lambda: not deck.vm.live_jobs)
        await deck.press("y")
        await deck.is_told("cancel failed: ", "The job has ended, or another client has dismissed")
        # The former key does nothing, or there would be two notices.
        await deck.press("c", "f8", "p", "P")
        assert await told_once(deck, "Pause nightly: the job is over")
        assert await told_once(deck, "Cancel nightly: the job is over")
        await deck.press("L")
        await deck.sees("It takes a decision of its own")
        await deck.press("A", "K")
        assert await told_once(deck, "there is nothing that can go")
        await deck.press("escape", "B")
        await until(lambda: isinstance(deck.app.screen, BitmapsScreen))
        await deck.press("c", "Z")
        assert await told_once(deck, "clear: there is no bitmap")


async def told_once(deck: Deck, words: str) -> bool:
    """Wait for a notice; whether it is the only one with these words."""
    await deck.is_told(words)
    return len([told for told in deck.toasts if words in told]) == 1


async def test_directory_and_speed_of_the_form(
    vm: Vm, open_deck: DeckOpener, tmp_path: Path
) -> None:
    here = {"monitor": str(vm.monitor), "directory": str(tmp_path), "speed": "3M"}
    of_vm = Settings(backup={"directory": "/all", "speed": "7M"}, vms={"it": here})
    of_all = Settings(backup={"directory": "/all", "speed": "7M"})
    by_name = Settings(vms={"Web": {**here, "monitor": "/elsewhere"}})
    wanted = {"3145728": (of_vm, by_name), "7340032": (of_all,)}
    for speed, each in wanted.items():
        for settings in each:
            async with open_deck(vm, settings=settings) as deck:
                deck.app.directory = None
                form = await open_form(deck, "disk0")
                directory = "/all" if settings is of_all else str(tmp_path)
                assert form.text("target").startswith(f"{directory}/disk0")
                assert form.text("speed") == speed
    async with open_deck(vm, settings=of_vm) as deck:
        form = await open_form(deck, "disk0")
        assert form.text("target").startswith(str(open_deck.backups)), "the option comes first"


async def test_what_is_set_comes_before_what_is_remembered(vm: Vm, open_deck: DeckOpener) -> None:
    async with open_deck(vm) as deck:
        await deck.app.remembered.directory(deck.vm, "/remembered")
    for settings, wanted in (
        (Settings(), "/remembered/"),
        (Settings(backup={"directory": "/set"}), "/set/"),
    ):
        async with open_deck(vm, settings=settings) as deck:
            deck.app.directory = None
            form = await open_form(deck, "disk0")
            assert form.text("target").startswith(wanted)


async def test_the_speeds_offered_for_a_job(vm: Vm, open_deck: DeckOpener) -> None:
    target = str(open_deck.backups / "n.qcow2")
    arguments: dict[str, Any] = {"device": "disk0", "job-id": "nightly", "format": "qcow2"}
    await vm.qmp("drive-backup", {**arguments, "sync": "full", "speed": 65536, "target": target})
    settings = Settings(backup={"presets": ["0", "3MiB", "0", "9MiB"]})
    async with open_deck(vm, settings=settings) as deck:
        await deck.press("2")
        await until(lambda: deck.rows and deck.rows[0]["State"] == "running")
        await deck.press("s")
        await deck.sees("Speed limit of nightly")
        offered = deck.app.screen.query_one("#typed-presets", OptionList)
        prompts = [str(option.prompt) for option in offered.options]
        assert prompts == ["   No limit", "  3.0 MiB/s", "  9.0 MiB/s"]
        await deck.press("down", "down", "enter")

        async def limit() -> int:
            (job,) = await vm.qmp("query-block-jobs")
            return int(job["speed"])

        while await limit() == 65536:
            await deck.settle()
        assert await limit() in (3 << 20, 9 << 20)


@pytest.mark.parametrize("way", ["all", "name", "uuid", "monitor", "listed", "named"])
async def test_a_read_only_vm_is_only_asked(vm: Vm, open_deck: DeckOpener, way: str) -> None:
    entry = {"monitor": str(vm.monitor), "read_only": True}
    settings = {
        "all": Settings(read_only=True),
        "name": Settings(read_only_vms=("Web",)),
        "uuid": Settings(read_only_vms=(UUID.upper(),)),
        "monitor": Settings(read_only_vms=(str(vm.monitor),)),
        "listed": Settings(vms={"it": {**entry, "read_only": False}}, read_only_vms=("it",)),
        "named": Settings(vms={"it": entry}),
    }[way]
    async with open_deck(vm, settings=settings) as deck:
        await until(lambda: "READ-ONLY" in deck.header)
        form = await open_form(deck, "disk0")
        assert not form.can_start
        await deck.press("f2")
        await deck.is_told("BlockDeck is read-only: the backup is not started.")
    assert await vm.qmp("query-jobs") == []


async def test_other_vms_stay_as_they_are(vm: Vm, open_deck: DeckOpener) -> None:
    others = Settings(
        read_only_vms=("other", "/other"), vms={"db": {"monitor": "/db", "read_only": True}}
    )
    async with open_deck(vm, settings=others) as deck:
        await open_form(deck, "disk0")
        assert "READ-ONLY" not in deck.header
        assert not deck.vm.read_only


async def test_named_vms_are_offered_and_taken_by_name(vm: Vm, open_deck: DeckOpener) -> None:
    settings = Settings(vms={"shop": {"monitor": str(vm.monitor)}, "db": {"monitor": "/db.sock"}})
    async with open_deck(settings=settings) as deck:
        await deck.sees("shop", "db")
        await deck.fill_in("shop")
        await deck.press("enter")
        await deck.sees("disk0")
        assert deck.worker.address == settings.address("shop")
    async with open_deck(settings=settings) as deck:
        await deck.sees("shop", "free")
        await deck.press("down", "enter")
        await deck.sees("disk0")
