"""Dirty bitmaps as rows of a table, and all that is to be said of one."""

from collections.abc import Mapping

from textual.content import Content

from tui.chain.bitmaps import owner_of
from tui.text import plain
from tui.units import size
from tui.vm.bitmap_acts import BitmapVerb
from tui.vm.bitmaps import Bitmap
from tui.widgets.columns import Cell, Column
from tui.widgets.facts import fact, title

BITMAP_COLUMNS = (
    Column("name", "Bitmap", 20, stretch=True),
    Column("disk", "Disk", 12, stretch=True),
    Column("dirty", "Dirty", 9, right=True),
    Column("state", "State", 15),
    Column("kept", "Kept", 8, rank=2),
    Column("granularity", "Grain", 9, right=True, rank=3),
    Column("chain", "Chain", 12, rank=1),
)


def bitmap_row(bitmap: Bitmap) -> dict[str, Cell]:
    """The cells of one bitmap."""
    info = bitmap.info
    dim = "" if bitmap.name else "$muted"
    return {
        "name": Cell(plain(bitmap.title, 120), dim or "bold"),
        "disk": Cell(plain(bitmap.node.disk, 64), dim),
        "dirty": Cell("?" if info.inconsistent else size(info.count), dim),
        "state": Cell(bitmap.state, dim or _style(bitmap)),
        "kept": Cell("image" if info.persistent else "memory", dim),
        "granularity": Cell(size(info.granularity), dim),
        "chain": Cell(owner_of(info.name) or "-", dim),
    }


def _style(bitmap: Bitmap) -> str:
    if bitmap.info.inconsistent:
        return "bold $text-error"
    if bitmap.info.busy or not bitmap.info.recording:
        return "$text-warning"
    return "$text-success"


def describe_bitmap(bitmap: Bitmap | None, hindrances: Mapping[BitmapVerb, str | None]) -> Content:
    """Where it is, how it stands, whose it is, and why what cannot be done cannot."""
    if bitmap is None:
        return Content("")
    info, node = bitmap.info, bitmap.node
    place = f"{node.disk}, {node.driver}, {size(node.size)}{', read-only' * node.read_only}"
    named = f" (node {node.name})" if node.name != node.disk else ""
    lines = [
        title(f"{bitmap.title} on {node.disk}"),
        _line("disk", f"{place}{named}"),
        _line("dirty", _dirty(bitmap)),
        _line("grain", f"{size(info.granularity)} a bit: up to {size(bitmap.memory)} of memory"),
        _line("recording", "yes: every write is marked" if info.recording else "no"),
        _line("busy", "yes: a job uses it" if info.busy else "no"),
        _line("kept", _kept(bitmap)),
        _line("of", _owner(bitmap)),
    ]
    if not node.current:
        lines.append(_line("seen", "before the job on its disk: QEMU 5 cannot be asked meanwhile"))
    reasons: dict[str, list[str]] = {}
    for verb, why in hindrances.items():
        if why is not None:
            reasons.setdefault(why, []).append(verb.value)
    lines += [_line("not now", f"{', '.join(verbs)}: {why}") for why, verbs in reasons.items()]
    return Content("\n").join(lines)


def _dirty(bitmap: Bitmap) -> str:
    if bitmap.info.inconsistent:
        return "not known: QEMU ended before it was saved, and it is of no use any more"
    return f"{size(bitmap.info.count)}, the size of the next incremental backup by it"


def _kept(bitmap: Bitmap) -> str:
    if bitmap.info.persistent:
        return "in the image (persistent): it is there again when QEMU is"
    return "in memory: it is gone when QEMU ends"


def _owner(bitmap: Bitmap) -> str:
    if not bitmap.name:
        return "QEMU itself: a job's, or a migration's"
    owner = owner_of(bitmap.name)
    if not owner:
        return "no chain of BlockDeck's: another backup tool may count on it"
    chain, _, serial = owner.partition(" #")
    return f"BlockDeck's chain {chain}, since its point {serial}"


def _line(name: str, words: str) -> Content:
    return fact(name, plain(words, 600))
