"""The steps of the tutorial are taken on a terminal, and what they tell is seen."""

import re
import sys
from collections.abc import Iterator

import pytest

from tests.docs.pages import CHECKOUT
from tests.journeys.tmux import Tmux

PAGE = CHECKOUT / "docs" / "tutorial.md"


OUTCOME_AT = 6
"""The step that tells to wait for the outcome, and to press nothing."""

FORM = ("Back up root", "Ready. F2 starts the backup.", '"execute": "drive-backup"')

SEEN: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("back up as device=logs", "no medium"), ("back up as device=root",)),
    (("back up as device=root",), FORM),
    ((), ("must be absolute", "Not yet")),
    (("back up as device=root",), FORM),
    (("State", "Progress"),),
    (),
    (("Timeline", "Started by", "succeeded"), ("100%",)),
    (("root", "succeeded", "v Read"),),
    (("Everywhere",), ("Ended", "Took"), ()),
)
"""What is on the screen after each key of each step."""


def steps() -> Iterator[tuple[str, ...]]:
    """What each step of the numbered list tells to type, keys and texts, in their order."""
    for found in re.finditer(r"^\d\. (.+\n(?:   .+\n)*)", PAGE.read_text(), re.MULTILINE):
        yield tuple(re.findall(r"`([^`]+)`", found[1]))


@pytest.fixture
def terminal() -> Iterator[Tmux]:
    """A terminal of a common size."""
    made = Tmux(100, 30)
    yield made
    made.close()


@pytest.mark.slow
async def test_the_steps_do_what_they_tell(terminal: Tmux) -> None:
    terminal.run(sys.executable, "-m", "tui", "demo")
    await terminal.sees("root", "cdrom", "connected", "back up as")
    for number, (keys, seen) in enumerate(zip(steps(), SEEN, strict=True), 1):
        for key, texts in zip(keys, seen, strict=True):
            # A word is a text; all else are keys by tmux's names.
            terminal.type(key) if key == "relative" else terminal.press(key)
            await terminal.sees(*texts)
        if number == OUTCOME_AT:
            await terminal.sees("succeeded", "100%")
    assert await terminal.exit_status() == 0
