"""The events: a readable line each, to filter, to hold, to see raw, to export."""

import json
import re
from functools import partial
from pathlib import Path

import pytest

from tests.qemu import QemuStarter
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck
from tests.waiting import until
from tui.qmp.models import QmpEvent, Timestamp
from tui.screens.events import EventsScreen
from tui.vm.events import EventLog
from tui.widgets.event_list import EventList

DISK = ("-blockdev", "null-co,node-name=disk0,read-zeroes=on,size=1048576")


def selected(deck: Deck) -> str:
    """The event under the cursor."""
    record = deck.on_screen(EventList).current
    return f"{record.name} {record.subject}" if record else ""


def tells_last(deck: Deck, words: str) -> bool:
    """Whether the last line of the list says that, of the two things that are told here."""
    return re.findall("guest stopped|guest runs", deck.screen)[-1:] == [words]


async def test_no_events_say_so(qemu: QemuStarter, open_deck: DeckOpener) -> None:
    async with open_deck(await qemu(*DISK)) as deck:
        await deck.sees("disk0")
        await deck.press("3")
        await deck.sees("No events yet")


async def test_a_line_each_with_its_meaning_and_the_raw_json_on_demand(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await deck.press("3")
        await vm.qmp("cont")
        await deck.sees("guest runs", "RESUME")
        await vm.qmp("stop")
        await deck.sees("guest stopped", "following, 2 shown of 2")
        await until(lambda: selected(deck).startswith("STOP"))

        await deck.press("enter")
        await deck.sees('"event": "STOP"', "microseconds")
        await deck.press("c")
        assert json.loads(deck.app.clipboard)["event"] == "STOP"
        await deck.press("escape")
        await until(lambda: isinstance(deck.app.screen, EventsScreen))


async def test_what_an_event_is_about_is_whole_where_there_is_room(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await qemu(*DISK)
    job = "blockdeck-database-20260131-120000"
    async with open_deck(vm, (80, 24)) as deck:
        await deck.sees("disk0")
        await deck.press("3")
        target = str(tmp_path / "target.raw")
        raw = {"target": target, "format": "raw", "sync": "full"}
        await vm.qmp("drive-backup", raw, device="disk0", job_id=job)
        await deck.sees("blockdeck-da…0131-120000 ")
        assert job not in deck.screen
        await deck.resize(120, 40)
        await deck.sees(f" {job} backup completed")


async def test_moving_up_holds_and_f_follows_again(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await deck.press("3")
        for command in ("cont", "stop"):
            await vm.qmp(command)
        await deck.sees("2 shown of 2")
        await deck.press("up")
        await deck.sees("HOLDING")
        await vm.qmp("cont")
        await deck.sees("3 shown of 3")
        assert selected(deck).startswith("RESUME")

        await deck.press("f")
        await deck.sees("following")
        await vm.qmp("stop")
        await until(lambda: selected(deck).startswith("STOP"))


async def test_the_first_event_too_many_for_the_screen_is_in_view(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm, (80, 24)) as deck:
        await deck.sees("disk0")
        await deck.press("3")
        await deck.sees("No events yet")
        for number in range(24):
            await vm.qmp("stop" if number % 2 else "cont")
            await deck.sees(f"following, {number + 1} shown of {number + 1}")
            told = "guest stopped" if number % 2 else "guest runs"
            await until(partial(tells_last, deck, told))


async def test_a_filter_leaves_what_matches_and_letters_only_type(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await deck.press("3")
        for command in ("cont", "stop"):
            await vm.qmp(command)
        await deck.sees("2 shown of 2")
        await deck.press("slash", *"stopped")
        await deck.sees("1 shown of 2")
        await deck.press("backspace", *"q")
        await deck.sees("0 shown of 2", "No event matches 'stoppeq'. Escape clears the filter.")
        assert "No events yet" not in deck.screen
        assert deck.app.is_running
        await deck.press("escape")
        await deck.sees("2 shown of 2")
        assert "No event matches" not in deck.screen


async def test_export_writes_what_is_shown_as_json_lines(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "exports"
    place.mkdir()
    monkeypatch.chdir(place)
    vm = await qemu(*DISK)
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await deck.press("3")
        await vm.qmp("cont")
        await deck.sees("1 shown of 1")
        await deck.press("e")
        await deck.is_told("1 events written to")
    (file,) = place.iterdir()
    (line,) = file.read_text().splitlines()
    assert json.loads(line)["event"] == "RESUME"
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_log_is_bounded_and_counts_what_it_drops() -> None:
    log = EventLog(capacity=3)
    for second in range(5):
        log.add(QmpEvent(event="RESUME", timestamp=Timestamp(seconds=second)))

    assert [record.number for record in log.since(0)] == [3, 4, 5]
    assert (log.total, log.dropped) == (5, 2)
