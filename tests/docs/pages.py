"""The pages, and the commands on them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tui.paths import STYLES

CHECKOUT = STYLES.parent
PAGES = (CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md")))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Command:
    """A command on a page.

    Attributes:
        line: where it stands.
        text: what is to be typed.
        said: the lines that the page shows as its answer.
    """

    line: int
    text: str
    said: tuple[str, ...]


def name_of(page: Path) -> str:
    """A page's path in the checkout."""
    return page.relative_to(CHECKOUT).as_posix()


def blocks(page: Path) -> Iterator[tuple[str, int, str]]:
    """The fenced blocks: their language, their first line's number and their text."""
    text = page.read_text()
    for found in _FENCE.finditer(text):
        yield found[1], text.count("\n", 0, found.start(2)) + 1, found[2]


def spans(page: Path) -> Iterator[str]:
    """What stands as code within the prose, on one line."""
    for found in re.finditer(r"`([^`]+)`", _FENCE.sub("", page.read_text())):
        yield " ".join(found[1].split())


def commands(page: Path) -> Iterator[Command]:
    """What a page tells to type: the lines with a `$` in its `console` blocks."""
    for language, first, text in blocks(page):
        if language != "console":
            continue
        pieces = re.split(r"^\$ ", text, flags=re.MULTILINE)
        assert pieces[0] == "", f"{name_of(page)}:{first} begins without a $"
        line = first
        for piece in pieces[1:]:
            typed, *said = piece.rstrip("\n").split("\n")
            yield Command(line, typed, tuple(said))
            line += piece.count("\n")
