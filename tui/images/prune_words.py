"""What a prune would do, in lines to read."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from tui.chain.manifest import Point
from tui.images.prune_plan import ChainPrune, Making
from tui.images.report import serials
from tui.text import plain
from tui.units import aligned, size

HEADINGS = f"{'No.':>3}  {'Started':<16}  {'Kind':<11}  {'Size':>8}  Kept as"
"""What stands above the points of a chain."""

GOES = "GOES"
"""What is said of a point that no rule keeps."""

_HOW = {
    Making.FULL: "becomes full",
    Making.MERGE: "takes up what goes",
    Making.CARRY: "copied",
}


def as_lines(plan: ChainPrune, zone: tzinfo | None = None) -> Iterator[str]:
    """The preview of one chain: each point with what becomes of it, then what it takes."""
    chain = plan.kept.chain
    yield f"chain {chain.id} of {plain(chain.vm, 60)}"
    if plan.hindrance:
        yield f"  left alone: {plan.hindrance}"
        return
    yield HEADINGS
    making = {each.serial: each.making for each in plan.rebuilds}
    for point in chain.points:
        why = plan.reasons.get(point.serial)
        if why is None:
            yield f"{_name(point, zone)}  {GOES}"
            continue
        how = f"; {_HOW[making[point.serial]]}" if point.serial in making else ""
        yield f"{_name(point, zone)}  {', '.join(why)}{how}"
    if any(each.making is Making.CARRY for each in plan.rebuilds):
        yield "  copied: what it stands on gets a new file, and no image is changed in place"
    if plan.whole:
        yield "  the whole chain goes: an increment of it would need a new full backup"
    if chain.surplus:
        yield f"  {len(chain.surplus)} files left by a prune that was interrupted go, too"


def summary(plans: Sequence[ChainPrune]) -> str:
    """What all of it takes and gives."""
    files = sum(len(plan.deletes) for plan in plans)
    if not files:
        return "Nothing goes."
    dropped = sum(len(plan.drop) for plan in plans)
    written = sum(plan.written for plan in plans)
    freed = sum(plan.freed for plan in plans)
    first = f" after {size(written)} of new images are written" if written else ""
    points = f"{dropped} point{'' if dropped == 1 else 's'}"
    return f"{points} and {files} files go: {size(freed)}{first}."


def dropped_words(plan: ChainPrune) -> str:
    """The points of a chain that go, by number."""
    return serials([point.serial for point in plan.drop])


def _name(point: Point, zone: tzinfo | None) -> str:
    when = point.started.astimezone(zone).strftime("%F %H:%M")
    held = sum(image.allocated or 0 for image in point.images.values())
    return f"{point.serial:>3}  {when}  {point.kind.value:<11}  {aligned(size(held or None), 8)}"
