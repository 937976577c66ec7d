"""How long the guest is frozen is counted in the header, on every screen."""

import re
from pathlib import Path

import pytest

from tests.agent.fake import fake_agent
from tests.qemu import QemuStarter
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck
from tests.waiting import until
from tests.worker.disks import null


def counted(deck: Deck) -> float | None:
    """The seconds that the header tells."""
    found = re.search(r"frozen (\d+\.\d) s", deck.screen.splitlines()[0])
    return float(found[1]) if found else None


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_it_counts_while_the_guest_is_frozen(
    qemu: QemuStarter, tmp_path: Path, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    vm = await qemu(*null())
    await vm.qmp("cont")
    async with fake_agent(tmp_path) as agent, open_deck(vm, size) as deck:
        await deck.sees("d0")
        assert counted(deck) is None
        async with deck.worker.freezing.frozen(agent.path):
            first = await until(lambda: counted(deck))
            assert first is not None
            await until(lambda: (counted(deck) or 0) >= first + 0.3)
            for key in ("2", "B", "escape", "3", "1"):
                await deck.press(key)
                await until(lambda: counted(deck))
            await deck.sees("running", "connected")
        await until(lambda: counted(deck) is None)
        assert not agent.frozen
