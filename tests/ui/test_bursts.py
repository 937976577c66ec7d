"""Keys that come in a burst, as over a slow line: one before what the last one opens is there."""

import asyncio
from pathlib import Path

import pytest
from textual.command import CommandPalette

from tests.qemu import QemuStarter, Vm, qemu_img
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck, open_form
from tests.waiting import until
from tui.once import _AGAIN
from tui.screens.confirm import Confirm
from tui.screens.devices import DevicesScreen
from tui.screens.job_page import JobPage
from tui.screens.jobs import JobsScreen
from tui.screens.verb_menu import VerbMenu


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with a job that runs on, and a disk to back up."""
    qemu_img("create", "-q", "-f", "qcow2", tmp_path / "d0.qcow2", "4M")
    vm = await qemu(
        *("-drive", f"if=none,id=d0,format=qcow2,file={tmp_path / 'd0.qcow2'}"),
        *("-blockdev", "null-co,node-name=slow,size=1073741824,read-zeroes=on"),
    )
    target = {"target": str(tmp_path / "copy"), "format": "qcow2"}
    await vm.qmp("drive-backup", target, device="slow", sync="full", job_id="goes", speed=1)
    return vm


async def burst(deck: Deck, keys: tuple[str, ...], rounds: int) -> None:
    """Send keys with so many rounds of the event loop between them."""
    for key in keys:
        await deck.send(key, rounds)
    await deck.settle()


@pytest.mark.parametrize(
    "keys",
    [
        ("ctrl+p", "pageup", "pagedown"),
        ("ctrl+p", "escape", "ctrl+p"),
        ("enter", "f2"),
        ("enter", "f3"),
        ("enter", "escape", "enter", "escape"),
        ("slash", "escape", "slash"),
        ("B", "a", "escape", "escape"),
    ],
    ids="-".join,
)
async def test_a_burst_is_borne(vm: Vm, open_deck: DeckOpener, keys: tuple[str, ...]) -> None:
    async with open_deck(vm) as deck:
        await open_form(deck, "d0")
        await deck.press("escape")
        for rounds in (0, 1, 2, 3, 5, 8, 13):
            await deck.sees("back up as device=d0")
            await burst(deck, keys, rounds)
            assert deck.app.is_running
            while not isinstance(deck.app.screen, DevicesScreen):
                await deck.press("escape")
            # A filter is left by Esc, too.
            await deck.press("escape")


# Where nobody else has a turn any more no deadline of a wait is seen either.
@pytest.mark.timeout(30)
async def test_the_palette_opens_when_the_one_before_has_gone(
    vm: Vm, open_deck: DeckOpener
) -> None:
    """The one before is closed, but what takes it away has not had its turn."""
    async with open_deck(vm) as deck:
        before = CommandPalette()
        deck.app._nodes._append(before)

        async def take_away() -> None:
            for _ in range(20):
                await asyncio.sleep(0)
            deck.app._nodes._remove(before)

        taking = asyncio.create_task(take_away())
        # Who asks twice gets one, and none when that is closed.
        deck.app.action_command_palette()
        deck.app.action_command_palette()
        await taking
        await until(lambda: isinstance(deck.app.screen, CommandPalette))
        await deck.press("escape")
        await deck.sees("back up as device=")
        await until(lambda: not any(isinstance(n, CommandPalette) for n in deck.app._nodes))
        await asyncio.sleep(3 * _AGAIN)
        assert not isinstance(deck.app.screen, CommandPalette)


@pytest.mark.parametrize("rounds", [0, 1, 2, 3, 5])
async def test_a_second_enter_answers_one_question_only(
    vm: Vm, open_deck: DeckOpener, rounds: int
) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await form.fill_in("speed", "50M")
        await deck.press("ctrl+q")
        await until(lambda: isinstance(deck.app.screen, Confirm))
        await burst(deck, ("enter", "enter"), rounds)
        await until(lambda: not isinstance(deck.app.screen, Confirm))
        assert form.text("speed") == "50M", "the form below is as it was"


@pytest.mark.parametrize("rounds", [0, 1, 2, 3, 5])
async def test_a_second_enter_in_a_menu_chooses_nothing_else(
    vm: Vm, open_deck: DeckOpener, rounds: int
) -> None:
    async with open_deck(vm) as deck:
        await deck.press("2")
        await until(lambda: deck.rows and deck.rows[0]["State"] == "running")
        await deck.press("a")
        await until(lambda: isinstance(deck.app.screen, VerbMenu))
        await burst(deck, ("enter", "enter"), rounds)
        worker = deck.app.worker
        assert worker is not None
        # One that comes when the menu is closed already opens the page of the job.
        await until(lambda: [job.state for job in worker.snapshot.jobs] == ["paused"])
        await until(lambda: isinstance(deck.app.screen, JobsScreen | JobPage))
