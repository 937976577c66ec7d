"""Chains with fleecing from the screen: chosen, judged as it is typed, kept for the next point."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from textual.suggester import SuggestFromList
from textual.widgets import Input

from tests.chain.points import drives, make_disks
from tests.chain.sequences import can_fleece
from tests.qemu import QemuStarter, Vm
from tests.ui.conftest import DeckOpener
from tests.waiting import until
from tests.worker.disks import drive, pattern
from tui.chain.directory import chains_in
from tui.config import Settings
from tui.screens.choose_disks import ChooseDisks
from tui.vm.snapshot import Device

fleeces = pytest.mark.skipif(not can_fleece(), reason="this QEMU cannot fleece")


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A running VM with two raw disks at devices."""
    vm = await qemu(*drives(make_disks(tmp_path, ["raw", "raw"]), plugged=True))
    await vm.qmp("cont")
    return vm


@pytest.fixture
def fast(tmp_path: Path) -> Path:
    """A directory on fast storage."""
    (tmp_path / "fast").mkdir()
    return tmp_path / "fast"


def fleeced(directory: Path) -> list[str]:
    """Of each complete point of the one chain, where it fleeced to; "" is nowhere."""
    kept, _ = chains_in(directory)
    points = [point for one in kept for point in one.chain.points if point.complete]
    return [point.arguments.fleece for point in points if point.arguments is not None]


@fleeces
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_typed_in_for_the_first_point_then_for_the_next_and_without_after_a_question(
    vm: Vm, open_deck: DeckOpener, fast: Path, size: tuple[int, int]
) -> None:
    async with open_deck(vm, size) as deck:
        await deck.sees("d0", "ready")
        await deck.press("5", "s")
        await deck.sees("Start a chain", "Fleece", "the guest waits for a slow target", "F2 Start")
        await deck.press("tab")
        await deck.fill_in(f"{fast}/not")
        await until(lambda: "is not a directory" in deck.line("chain-disks-error"))
        # Nothing is started that cannot be, and nothing typed is lost.
        await deck.press("f2")
        assert isinstance(deck.app.screen, ChooseDisks)
        assert fleeced(open_deck.backups) == []
        await deck.press(*["backspace"] * len("/not"))
        await until(lambda: deck.line("chain-disks-error").isspace())
        await deck.press("f2")
        await until(lambda: fleeced(open_deck.backups) == [str(fast)])
        await deck.sees("1 point")
        await deck.press("n")
        await until(lambda: fleeced(open_deck.backups) == [str(fast)] * 2)
        await deck.sees("2 points")
        await deck.press("end")
        await deck.sees("fleeced to")
        # The fast storage is gone: at 3 a.m. an increment is better than none.
        shutil.rmtree(fast)
        await deck.press("n")
        await deck.sees("Go on without fleecing?", "its writes fail", "Without fleecing")
        await deck.press("escape")
        await deck.sees_no_more("Go on without fleecing")
        assert len(fleeced(open_deck.backups)) == 2
        await deck.press("n")
        await deck.sees("Go on without fleecing?")
        await deck.press("y")
        await until(lambda: fleeced(open_deck.backups) == [str(fast)] * 2 + [""])
    assert (await vm.qmp("query-status"))["status"] == "running"


@fleeces
async def test_it_is_suggested_as_set_else_as_the_last_time(
    vm: Vm, open_deck: DeckOpener, fast: Path, tmp_path: Path
) -> None:
    async with open_deck(vm) as deck:
        await deck.sees("d0", "ready")
        await deck.press("5", "s", "tab")
        await deck.fill_in(str(fast))
        await deck.press("f2")
        await until(lambda: fleeced(open_deck.backups) == [str(fast)])
    async with open_deck(vm) as deck:
        await deck.sees("d0", "ready")
        await deck.press("5", "s")
        await deck.sees("Start a chain", "Fleece")
        assert deck.app.screen.query_one("#chain-fleece-input", Input).value == str(fast)
    (tmp_path / "set").mkdir()
    settings = Settings(backup={"fleece": f"{tmp_path}/set"})
    async with open_deck(vm, settings=settings) as deck:
        await deck.sees("d0", "ready")
        await deck.press("5", "s")
        await deck.sees("Start a chain", "Fleece")
        assert deck.app.screen.query_one("#chain-fleece-input", Input).value == f"{tmp_path}/set"


async def test_what_cannot_be_fleeced_is_said_of_its_disk(
    qemu: QemuStarter, open_deck: DeckOpener, fast: Path, tmp_path: Path
) -> None:
    loose = drive(pattern(tmp_path / "loose.raw"), "raw", "loose")
    vm = await qemu(*drives(make_disks(tmp_path, ["raw"]), plugged=True), *loose)
    async with open_deck(vm) as deck:
        await deck.sees("d0", "ready")
        await deck.press("5", "s", "tab")
        await deck.fill_in(str(fast))
        if can_fleece():
            told = "loose: No device of the guest stands on it"
        else:
            told = "Fleecing needs QEMU 7.1"
        await until(lambda: told in deck.line("chain-disks-error"))
        await deck.press("f2")
        assert isinstance(deck.app.screen, ChooseDisks)


async def test_what_is_judged_while_the_dialog_closes_asks_nothing_that_is_gone(
    vm: Vm, open_deck: DeckOpener
) -> None:
    asked, gate = asyncio.Event(), asyncio.Event()

    async def against(_: Sequence[Device], __: str) -> None:
        asked.set()
        await gate.wait()

    async with open_deck(vm) as deck:
        await deck.sees("d0", "ready")
        dialog = ChooseDisks(
            deck.vm.devices,
            "/backups",
            agent="",
            fleece="",
            against=against,
            suggester=SuggestFromList([]),
        )
        await deck.app.push_screen(dialog)
        await deck.press("f2")
        await until(asked.is_set)
        # Textual takes a screen's widgets away before it cancels what the screen has running.
        await dialog.query_one("#chain-freezing").remove()
        gate.set()
        await until(lambda: all(worker.is_finished for worker in dialog.workers))
        assert deck.app.screen is dialog
        await deck.press("escape")
