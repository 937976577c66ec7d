"""The fault lab in the command palette: of the demo's VM, and of no other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.discovery.looking import scout
from tests.qemu import QemuStarter
from tests.ui.deck import Deck
from tests.waiting import until
from tui.app import BlockDeckApp
from tui.demo.fault_lab import STALL_SECONDS, FaultLab
from tui.demo.vm import DemoVm
from tui.qmp.address import UnixAddress

FAULTS = {
    "Fault: fill the target",
    "Fault: kill QEMU",
    "Fault: stall QEMU",
    "Fault: cancel from elsewhere",
    "Fault: break a bitmap",
}


@pytest.fixture
async def deck(demo_vm: DemoVm, tmp_path: Path) -> AsyncIterator[Deck]:
    app = BlockDeckApp(
        UnixAddress(path=demo_vm.monitor),
        directory=str(demo_vm.backups),
        state=tmp_path / "state",
        scout=scout(),
        lab=FaultLab(demo_vm.info),
    )
    async with app.run_test(size=(120, 40)) as pilot:
        deck = Deck(app, pilot)
        await deck.sees("archive")
        yield deck


def offered(deck: Deck) -> set[str]:
    found = {command.title for command in deck.app.get_system_commands(deck.app.screen)}
    return {title for title in found if title.startswith("Fault")}


async def choose(deck: Deck, words: str) -> None:
    await deck.press("ctrl+p", *words)
    await deck.sees("Fault:")
    await deck.press("enter")


async def test_a_backup_meets_a_full_target_and_another_client(deck: Deck) -> None:
    assert offered(deck) == FAULTS
    await choose(deck, "cancel from elsewhere")
    await deck.is_told("start one first")
    await choose(deck, "fill the target")
    await deck.is_told("all room")
    assert "Fault: make room on the target" in offered(deck)
    await choose(deck, "make room")
    await deck.is_told("There is room")


async def test_an_inconsistent_bitmap_is_told_of(deck: Deck) -> None:
    await choose(deck, "break a bitmap")
    await deck.is_told("inconsistent")
    await deck.press("B")
    await deck.sees("interrupted")


async def test_a_killed_qemu_is_told_of(deck: Deck) -> None:
    await choose(deck, "kill qemu")
    await until(lambda: "LOST" in deck.header)


async def test_a_demo_that_is_only_looked_at_is_not_broken(demo_vm: DemoVm, tmp_path: Path) -> None:
    app = BlockDeckApp(
        UnixAddress(path=demo_vm.monitor),
        state=tmp_path / "state",
        scout=scout(),
        read_only=True,
        lab=FaultLab(demo_vm.info),
    )
    async with app.run_test(size=(120, 40)) as pilot:
        deck = Deck(app, pilot)
        await deck.sees("archive", "READ-ONLY")
        assert offered(deck) == set()


async def test_no_other_vm_can_be_broken(
    demo_vm: DemoVm, qemu: QemuStarter, tmp_path: Path
) -> None:
    other = await qemu("-name", "other")
    app = BlockDeckApp(
        UnixAddress(path=Path(other.monitor)),
        state=tmp_path / "state",
        scout=scout(),
        lab=FaultLab(demo_vm.info),
    )
    async with app.run_test(size=(120, 40)) as pilot:
        deck = Deck(app, pilot)
        await deck.sees("other", "connected")
        assert offered(deck) == set()


@pytest.mark.slow
async def test_a_stalled_qemu_is_told_of_and_comes_back(deck: Deck) -> None:
    await choose(deck, "stall")
    await deck.sees("NOT ANSWERING", within=STALL_SECONDS)
    await until(lambda: "NOT ANSWERING" not in deck.header, STALL_SECONDS + 20)
    await until(lambda: "connected" in deck.header)
