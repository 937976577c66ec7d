"""What is known of a thing: its name, then a fact a line, the values in one column."""

from textual.content import Content

from tui.text import plain
from tui.widgets.line import Line, same

LABEL = 11
"""Cells for the label of a fact."""


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
        lines.append(Content.assemble((line[:cut], "$muted"), line[cut:]))
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
        first, *more = line[LABEL:].wrap(width - LABEL) or [Content("")]
        lines.append(line[:LABEL] + first)
        lines += [Content(" " * LABEL) + each for each in more]
    return Content("\n").join(lines)
