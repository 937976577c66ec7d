"""Lines to BlockDeck, and BlockDeck without a terminal, for tests of faults."""

from tests.line.conftest import line
from tests.ui.conftest import open_deck

__all__ = ["line", "open_deck"]
