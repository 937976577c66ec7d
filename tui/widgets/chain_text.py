"""Chains in words: a line each in the tree, and all there is to know beside it."""

from collections.abc import Iterable, Iterator, Sequence

from textual.content import Content

from tui.chain.catalog import CatalogChain, CatalogPoint, Stack
from tui.chain.disks import NeedsFull, NotPossible
from tui.chain.manifest import Chain, PointKind, bitmap_name
from tui.chain.options import PointOptions
from tui.chain.plan import plan_next
from tui.chain.words import argument_words, bitmap_words
from tui.text import plain
from tui.units import aligned, percent, size
from tui.vm.job import Job
from tui.vm.snapshot import VmSnapshot
from tui.widgets.facts import fact, title


def chain_line(chain: CatalogChain) -> str:
    """What a chain is of, and how much there is of it."""
    of, points = chain.kept.chain, len(chain.points)
    disks = ", ".join(disk.name for disk in of.disks)
    sizes = [point.allocated for point in chain.points]
    known = [count for count in sizes if count is not None]
    parts = [
        plain(of.vm or "VM without a name", 30),
        "1 point" if points == 1 else f"{points} points",
        size(sum(known)) if known else "",
        _trouble_of(chain),
        # However many there are: who shows it cuts its end off, where room is short.
        plain(disks, 500),
    ]
    return "  ".join(part for part in parts if part)


def _trouble_of(chain: CatalogChain) -> str:
    bad = sum(point.point.complete and not point.restorable for point in chain.points)
    return f"{bad} cannot be restored" if bad else ""


POINT_HEADINGS = f"{'No.':>3}  {'Started':<16}  {'Kind':<11}  {'Size':>8}  State"
"""What stands above the lines of the points."""


def point_line(point: CatalogPoint, jobs: Sequence[Job], *, last: bool, next_words: str) -> str:
    """When a point was made, what it is, how large, and how it stands."""
    made = point.point
    parts = [
        f"{made.serial:>3}",
        f"{made.started.astimezone():%F %H:%M}",
        f"{made.kind:<11}",
        aligned(size(point.allocated), 8),
        point_state(point, jobs),
        next_words if last else "",
    ]
    return "  ".join(part for part in parts if part)


def point_state(point: CatalogPoint, jobs: Sequence[Job]) -> str:
    """In a word how a point stands; one that is being made tells how far it is."""
    if not point.point.complete:
        live = [job for job in jobs if job.live]
        length = sum(job.len for job in jobs)
        if live:
            done = percent(sum(job.offset for job in jobs) / length) if length else ""
            return f"running {done}".strip()
    return point.state


def next_words(vm: VmSnapshot | None, chain: CatalogChain) -> str:
    """Whether an increment can be made on the last point: what of its bitmaps is known."""
    can, words = next_step(vm, chain)
    if can and vm is not None:
        return f"next {size(_dirty(vm, chain.kept.chain))}"
    return "next full" if words and not _unfinished(chain.kept.chain) else ""


def next_step(vm: VmSnapshot | None, chain: CatalogChain) -> tuple[bool, str]:
    """Whether an increment can be made now; how large it would be, or why not."""
    kept = chain.kept
    if vm is None or not vm.loaded:
        return False, ""
    if _unfinished(kept.chain):
        return False, "A point of it is being made, or was left unfinished."
    try:
        plan_next(vm, kept.chain, kept.directory, PointOptions())
    except NeedsFull as reason:
        return False, str(reason)
    except NotPossible as reason:
        return False, str(reason)
    return True, f"{size(_dirty(vm, kept.chain))}, by a bitmap that is alive"


def _unfinished(chain: Chain) -> bool:
    return any(not point.complete for point in chain.points)


def _dirty(vm: VmSnapshot, chain: Chain) -> int:
    name = bitmap_name(chain.id, chain.last.serial) if chain.last else ""
    media = (device.medium for device in vm.devices)
    return sum(b.count for medium in media if medium for b in medium.bitmaps if b.name == name)


def stack_line(stack: Stack) -> str:
    """Images without a manifest, by the topmost of them."""
    count = len(stack.images)
    images = "1 image" if count == 1 else f"{count} images"
    where = "MISSING:" if stack.missing else "on"
    below = f"  {where} {plain(stack.below, 60)}" if stack.below else ""
    return f"{plain(stack.images[-1].name, 60)}  {images}{below}"


# --- beside the tree ----------------------------------------------------------------------------


def _rows(name: str, rows: Iterable[tuple[str, str]]) -> Content:
    told = [fact(label, text) for label, text in rows if text]
    return Content("\n").join([title(name), *told])


def describe_chain(vm: VmSnapshot | None, chain: CatalogChain) -> Content:
    """All about a chain."""
    of = chain.kept.chain
    can, words = next_step(vm, chain)
    return _rows(
        of.vm or "VM without a name",
        [
            ("chain", of.id),
            ("VM", plain(" ".join(part for part in (of.vm, of.uuid) if part))),
            *(("disk", plain(f"{d.name}: {d.device}, {size(d.virtual_size)}")) for d in of.disks),
            ("next", plain(f"an increment of {words}" if can else words)),
            ("manifest", plain(chain.kept.path.name)),
        ],
    )


def describe_point(point: CatalogPoint, jobs: Sequence[Job]) -> Content:
    """All about a point."""
    made = point.point
    kind = (
        "all of the disks" if made.kind is PointKind.FULL else f"what changed since {made.parent}"
    )
    frozen = f"{made.frozen_seconds:.1f} s" if made.frozen_seconds is not None else ""
    ended = f"{made.ended.astimezone():%F %T}" if made.ended else ""
    sent = len(made.commands)
    return _rows(
        f"point {made.serial}",
        [
            ("kind", f"{made.kind}: {kind}"),
            ("state", point_state(point, jobs)),
            *(("problem", plain(words)) for words in point.problems),
            *(("copying", plain(words)) for words in _progress(jobs)),
            ("started", f"{made.started.astimezone():%F %T}"),
            ("ended", ended),
            ("frozen", frozen),
            *(("image", plain(words)) for words in _images(point)),
            ("bitmap", plain(bitmap_words(made))),
            ("asked for", plain(argument_words(made))),
            ("commands", f"{sent} sent to QEMU: i shows them" if sent else ""),
        ],
    )


def _progress(jobs: Sequence[Job]) -> Iterator[str]:
    for job in jobs:
        if job.live:
            yield f"{job.device}: {percent(job.fraction)}, {size(job.offset)} of {size(job.len)}"


def _images(point: CatalogPoint) -> Iterator[str]:
    for found in point.images:
        image = found.image
        told = "checksum kept" if image.sha256 else "no checksum"
        yield f"{image.file}, {size(image.allocated)}, {told}"


def describe_stack(stack: Stack) -> Content:
    """All about images that no manifest tells of."""
    lowest = stack.below or "nothing"
    missing = " (missing: none of them can be restored)" if stack.missing else ""
    return _rows(
        stack.images[-1].name,
        [
            ("guessed", "from the images: no manifest here tells of them"),
            ("stands on", plain(f"{lowest}{missing}")),
            *(("image", plain(f"{i.name}, {size(i.size)}")) for i in stack.images),
        ],
    )
