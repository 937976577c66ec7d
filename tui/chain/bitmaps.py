"""Which chain an act upon a dirty bitmap would break, and what is lost by it otherwise."""

from collections.abc import Iterator, Sequence

from tui.chain.manifest import BITMAP_PREFIX, chain_of_bitmap
from tui.units import size
from tui.vm import bitmap_acts
from tui.vm.bitmap_acts import BitmapAct, BitmapVerb
from tui.vm.bitmaps import Bitmap, BitmapNode, bitmap_bytes, bitmap_nodes, bitmaps_of
from tui.vm.snapshot import VmSnapshot

_USUAL = 64 << 10


def owner_of(name: str) -> str:
    """The chain that counts on a bitmap, and since which of its points; "" where none is known."""
    found = chain_of_bitmap(name)
    return f"{found[0]} #{found[1]}" if found is not None else ""


def place_of(act: BitmapAct, vm: VmSnapshot) -> str:
    """Where it is: bitmaps of a chain are called the same on all of its disks."""
    node = next((node for node in bitmap_nodes(vm) if node.name == act.node), None)
    return node.disk if node is not None else act.node


def hindrance(act: BitmapAct, vm: VmSnapshot) -> str | None:
    """Why an act cannot be done now: QEMU's rules, and names that are the chains' own."""
    if act.verb is BitmapVerb.ADD and (why := reserved(act.name)) is not None:
        return why
    return bitmap_acts.hindrance(act, vm)


def reserved(name: str) -> str | None:
    """Why a name is not for a bitmap that an operator makes; None where it may be."""
    if chain_of_bitmap(name) is None:
        return None
    return f"names like {BITMAP_PREFIX}… with a chain and a number are the chains' own"


def price(act: BitmapAct, vm: VmSnapshot) -> tuple[str, str]:
    """What becomes of the bitmap, and which chain breaks by it, each in sentences."""
    nodes = bitmap_nodes(vm)
    if act.verb is BitmapVerb.ADD:
        node = next((node for node in nodes if node.name == act.node), None)
        return _price_of_adding(act, node)
    found = _find(nodes, act.node, act.name)
    if found is None:
        return "There is no such bitmap.", ""
    return _does(act, found), " ".join(_breaks(act.verb, found))


def _find(nodes: Sequence[BitmapNode], node: str, name: str) -> Bitmap | None:
    return next((b for b in bitmaps_of(nodes) if (b.node.name, b.name) == (node, name)), None)


def _price_of_adding(act: BitmapAct, node: BitmapNode | None) -> tuple[str, str]:
    records = (
        "It records nothing until it is enabled."
        if act.disabled
        else ("It records every write from now on; what was written before is not in it.")
    )
    kept = "The image keeps it." if act.persistent else "It is gone when QEMU ends."
    takes = bitmap_bytes(node.size, act.granularity or _USUAL) if node is not None else 0
    return f"{records} {kept} It takes up to {size(takes)} of QEMU's memory.", "No chain breaks."


def _does(act: BitmapAct, bitmap: Bitmap) -> str:
    marked = size(bitmap.info.count)
    match act.verb:
        case BitmapVerb.CLEAR:
            records = "records from now on" if bitmap.info.recording else "stays disabled"
            return f"It forgets the {marked} that it has marked, and {records}."
        case BitmapVerb.ENABLE:
            return "It records again. What was written while it was disabled is not in it."
        case BitmapVerb.DISABLE:
            return f"It keeps the {marked} that it has marked, and misses every write from now on."
        case BitmapVerb.MERGE:
            here = bitmap.node.name
            names = ", ".join(
                s.name if s.node == here else f"{s.name} of {s.node}" for s in act.sources
            )
            return f"All that is marked in {names} is marked in it, too; they stay as they are."
        case _:
            return f"QEMU forgets it, with the {marked} that it has marked." + (
                " It goes from the image, too." if bitmap.info.persistent else ""
            )


def _breaks(verb: BitmapVerb, bitmap: Bitmap) -> Iterator[str]:
    """Which chain breaks, as far as names tell."""
    if verb is BitmapVerb.MERGE:
        yield "No chain breaks; the next incremental backup by it may copy more than it has to."
        return
    found = chain_of_bitmap(bitmap.name)
    if found is None:
        yield from _of_another(verb, bitmap)
        return
    chain, serial = found
    full = "its next backup has to be a full one, of all its disks"
    if bitmap.info.inconsistent:
        yield f"Chain {chain} is broken already: {full}."
    elif verb is BitmapVerb.ENABLE:
        yield f"Chain {chain} stays broken by what it missed: {full}."
    elif verb is BitmapVerb.DISABLE:
        yield f"BREAKS CHAIN {chain}: {full}, after the first write that is missed."
    else:
        yield (
            f"BREAKS CHAIN {chain}: what was written since its point {serial} would not be known "
            f"any more, and {full}. The points that it has stay good."
        )


def _of_another(verb: BitmapVerb, bitmap: Bitmap) -> Iterator[str]:
    yield "It is of no chain of BlockDeck's."
    if bitmap.info.inconsistent:
        yield "Whoever made it needs a full backup anyway."
    elif verb is BitmapVerb.ENABLE:
        yield "If another backup tool made it, that may have disabled it on purpose."
    else:
        yield (
            "If another backup tool made it, its next incremental backup would miss what was "
            "written: it would have to make a full one."
        )
