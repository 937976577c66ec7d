"""The first paint has the disks on it where the VM answers at once, and waits for no other one."""

from pathlib import Path

import pytest

from tests.discovery.looking import scout
from tests.qemu import QemuStarter
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck
from tests.waiting import until
from tests.worker.wire import silent
from tui import first_paint
from tui.app import BlockDeckApp
from tui.qmp.address import UnixAddress

DISK = ("-blockdev", "null-co,node-name=d0,size=1073741824,read-zeroes=on")
FOR_EVER = 3600.0


async def test_it_comes_with_the_answer(
    qemu: QemuStarter, open_deck: DeckOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_paint, "PATIENCE", FOR_EVER)
    async with open_deck(await qemu(*DISK)) as deck:
        await deck.sees("d0", "connected")
        assert not deck.app.first_paint.held


async def test_it_comes_without_one_when_the_time_is_over(tmp_path: Path) -> None:
    async with silent(tmp_path / "silent.sock") as path:
        app = BlockDeckApp(UnixAddress(path=path), state=tmp_path / "state", scout=scout())
        async with app.run_test() as pilot:
            await Deck(app, pilot).sees("connecting", "Waiting for the VM's answer")


async def test_it_comes_when_there_is_no_vm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_paint, "PATIENCE", FOR_EVER)
    address = UnixAddress(path=tmp_path / "none.sock")
    app = BlockDeckApp(address, state=tmp_path / "state", scout=scout())
    async with app.run_test() as pilot:
        await Deck(app, pilot).sees("There is no socket")
        await until(lambda: not app.first_paint.held)
