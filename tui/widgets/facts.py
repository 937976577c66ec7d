"""What is known of a thing: its name, then a fact a line, the values in one column."""

import re
from collections.abc import Iterator

from rich.cells import cell_len
from textual.content import Content

from tui.text import plain
from tui.widgets.line import Line, same

LABEL = 11
"""Cells for the label of a fact."""

_BLANK = re.compile(r"(?<![0-9]) | (?!(?:[KMGTPE]iB|B|m?s)\b)")
"""Where a line may break: not between a number and its unit."""


def title(name: str) -> Content:
    """What the facts are about."""
    return Content.styled(plain(name, 200), "bold $accent")


def fact(label: str, value: str | Content) -> Content:
    """A line of a detail."""
    return Content.assemble((f"{label:<{LABEL}}", "$muted"), value)


def labelled(text: str) -> Content:
    """Lines that begin with a label already, as those of a report do."""
    lines = []
    for line in text.splitlines():
        # A label may be longer than most.
        cut = max(LABEL, line.find(" ", LABEL - 1))
        # The names of arguments are set in, and their values by a cell more.
        value = line[cut:].removeprefix(" ") if cut == LABEL else line[cut:]
        lines.append(Content.assemble((line[:cut], "$muted"), value))
    return Content("\n").join(lines)


class Facts(Line):
    """Facts whose values go on under themselves, not under their label."""

    def show_resized(self, text: str | Content) -> None:
        """Show these facts, as high as they are at the present width."""
        if not same(text, self._shown):
            self._shown = text
            self._hang()

    def on_resize(self) -> None:
        """Lines break elsewhere."""
        self._hang()

    def _hang(self) -> None:
        shown = self._shown if isinstance(self._shown, Content) else Content(self._shown)
        width = self.size.width
        hung = hanging(shown, width) if width > 2 * LABEL else shown
        self.update(hung, layout=hung.plain.count("\n") + 1 != self.size.height)


def hanging(text: Content, width: int) -> Content:
    """The text in lines of so many cells, their continuations under the values."""
    lines: list[Content] = []
    for line in text.split("\n", allow_blank=True):
        first, *more = _broken(line[LABEL:], width - LABEL)
        lines.append(line[:LABEL] + first)
        lines += [Content(" " * LABEL) + each for each in more]
    return Content("\n").join(lines)


def _broken(value: Content, width: int) -> Iterator[Content]:
    """The value in lines of so many cells."""
    text, start = value.plain, 0
    while cell_len(text[start:]) > width:
        cut = _cut(text, start, width)
        yield value[start : max(start, len(text[:cut].rstrip()))]
        start = cut + len(text[cut:]) - len(text[cut:].lstrip())
    yield value[start:]


def _cut(text: str, start: int, width: int) -> int:
    """Where a line ends: at a blank; in what is longer than a line, as a path is, after a slash."""
    end = start + 1
    while end < len(text) and cell_len(text[start : end + 1]) <= width:
        end += 1
    if _BLANK.match(text, end):
        return end
    # Looked at beyond the end as well: a unit may stand there.
    blanks = (found.end() for found in _BLANK.finditer(text, start, end + 5))
    blank = max((each for each in blanks if each <= end), default=0)
    word = text[max(blank, start) :].partition(" ")[0]
    slash = text.rfind("/", start, end) + 1
    if cell_len(word) > width and slash > max(blank, start):
        return slash
    return blank if blank > start else end
