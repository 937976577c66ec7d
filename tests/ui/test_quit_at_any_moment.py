"""Whoever quits is told of no error, whatever comes to the screen at that moment."""

from pathlib import Path

import pytest
from textual.css.query import NoMatches

from tests.qemu import QemuStarter, Vm, qemu_img
from tests.ui.conftest import DeckOpener
from tests.ui.deck import open_form
from tests.waiting import until


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with one disk."""
    qemu_img("create", "-q", "-f", "qcow2", tmp_path / "d0.qcow2", "4M")
    return await qemu("-drive", f"if=none,id=d0,format=qcow2,file={tmp_path / 'd0.qcow2'}")


@pytest.mark.parametrize("rounds", range(14))
@pytest.mark.parametrize("key", ["b", "slash", "ctrl+p"])
async def test_one_may_quit_while_it_comes(
    vm: Vm, open_deck: DeckOpener, key: str, rounds: int
) -> None:
    async with open_deck(vm) as deck:
        # What a form is made of is imported now, and takes no round of the event loop later.
        await open_form(deck, "d0")
        await deck.press("escape")
        await deck.sees("back up as device=d0")
        await deck.send(key, rounds)
        # What went wrong in the app is raised where it is left.
        deck.app.exit()


@pytest.mark.parametrize(("error", "quits"), [(ValueError, True), (NoMatches, False)])
async def test_other_errors_are_told(
    vm: Vm, open_deck: DeckOpener, error: type[Exception], quits: bool
) -> None:
    with pytest.raises(error, match="told"):
        await _fail(vm, open_deck, error, quits)


async def _fail(vm: Vm, open_deck: DeckOpener, error: type[Exception], quits: bool) -> None:
    def fail() -> None:
        raise error("told")

    async with open_deck(vm) as deck:
        deck.app.call_later(fail)
        if quits:
            deck.app.exit()
        await until(lambda: deck.app._exception is not None)
