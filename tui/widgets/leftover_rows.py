"""Leftovers as rows of a table, and all that is to be said of one."""

from textual.content import Content

from tui.text import plain
from tui.vm.leftover import Leftover
from tui.widgets.columns import Cell, Column
from tui.widgets.facts import fact, title

LEFTOVER_COLUMNS = (
    Column("kind", "What", 13),
    Column("name", "Name", 24, stretch=True),
    Column("by", "By", 5),
    Column("can", "Clean up", 24, stretch=True),
)

_BY = {"BlockDeck": "us", "another client": "other"}


def leftover_row(one: Leftover) -> dict[str, Cell]:
    """The cells of one leftover."""
    why = one.hindrance
    can = Cell("yes", "$text-success") if why is None else Cell(f"no: {plain(why, 200)}", "$muted")
    return {
        "kind": Cell(one.kind.value),
        "name": Cell(plain(one.title, 120)),
        "by": Cell(_BY.get(one.owner, one.owner)),
        "can": can,
    }


def describe_leftover(one: Leftover | None) -> Content:
    """What it is, why it is judged a leftover, what cleaning up does, and what is lost."""
    if one is None:
        return Content("")
    lines = [title(one.title), _line("what", one.what), _line("why", one.why)]
    if one.remedy is not None:
        does = f"{one.remedy.does} ({one.remedy.command})"
        lines += [_line("cleaning", does), _line("lost", one.lost)]
    if (why := one.hindrance) is not None:
        lines.append(_line("not now" if one.remedy else "no act", f"{why}."))
    counts = ", and may count on it" if one.foreign else ""
    owner = one.owner[:1].upper() + one.owner[1:]
    lines.append(_line("owner", f"{owner} made it{counts}."))
    if one.remedy is not None and one.fresh:
        lines.append(_line("", "It was found only just now: its owner may be about to see to it."))
    if one.remedy is not None and one.alone:
        lines.append(_line("", "It takes a decision of its own: A leaves it out."))
    return Content("\n").join(lines)


def _line(name: str, words: str) -> Content:
    return fact(name, plain(words, 600))
