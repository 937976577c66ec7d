"""BlockDeck's UI without a terminal, in front of a real QEMU."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.images.gate import gate as gate
from tests.qemu import Vm
from tests.ui.deck import USUAL, Deck, deck
from tui.config import Settings


class DeckOpener:
    """Opens decks that all remember the same things.

    Attributes:
        state: where they remember them.
        backups: the directory in which they suggest targets.
    """

    def __init__(self, directory: Path) -> None:
        self.state = directory / "state"
        self.backups = directory / "backups"
        self.backups.mkdir()

    def __call__(
        self,
        vm: Vm | None = None,
        size: tuple[int, int] = USUAL,
        *,
        read_only: bool = False,
        settings: Settings | None = None,
        places: Sequence[Path] = (),
        beside: Sequence[Vm] = (),
    ) -> AbstractAsyncContextManager[Deck]:
        """One more deck, open while it is the context."""
        return deck(
            vm,
            size,
            state=self.state,
            directory=self.backups,
            read_only=read_only,
            settings=settings,
            places=places,
            beside=beside,
        )


@pytest.fixture
def open_deck(tmp_path: Path) -> DeckOpener:
    """`async with open_deck(vm) as deck:`."""
    return DeckOpener(tmp_path)
