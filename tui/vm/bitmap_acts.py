"""What can be done to a dirty bitmap, by which command, and when not.

The rules are those of QEMU 5.2 to 11.1 as they were measured, and two that QEMU lacks: merging
nothing kills QEMU 7.2 and later (SIGSEGV), and up to 10.0 it adds a bitmap to a read-only image
that it cannot keep there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tui.units import size
from tui.vm.bitmaps import Bitmap, BitmapNode, bitmap_bytes, bitmap_nodes
from tui.vm.snapshot import VmSnapshot

LONGEST_NAME = 1023
"""Bytes of UTF-8 that a bitmap's name may take."""

FINEST, COARSEST = 512, 1 << 31
"""The bounds of a granularity, in bytes."""

_USUAL = 64 << 10
_LARGEST_KEPT = 512 << 20
"""Bytes of the largest bitmap that qcow2 keeps."""


class BitmapVerb(StrEnum):
    """An act upon a bitmap."""

    ADD = "add"
    CLEAR = "clear"
    ENABLE = "enable"
    DISABLE = "disable"
    MERGE = "merge"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class BitmapSource:
    """A bitmap that is merged into another."""

    node: str
    name: str


@dataclass(frozen=True, slots=True)
class BitmapAct:
    """A verb with what it needs.

    Attributes:
        verb: what to do.
        node: the node-name; never a device's name, which means a job's filter while one runs (X14).
        name: the bitmap; for `merge` the one that the others are merged into.
        granularity: bytes a bit stands for, for `add`; None leaves it to QEMU.
        persistent: whether the image keeps it when QEMU ends, for `add`.
        disabled: whether it records nothing at first, for `add`.
        sources: what is merged into it, for `merge`.
    """

    verb: BitmapVerb
    node: str
    name: str
    granularity: int | None = None
    persistent: bool = False
    disabled: bool = False
    sources: tuple[BitmapSource, ...] = ()


def command_for(act: BitmapAct) -> tuple[str, Mapping[str, object]]:
    """The command that does it, and its arguments."""
    command = f"block-dirty-bitmap-{act.verb.value}"
    if act.verb is BitmapVerb.MERGE:
        bitmaps = [{"node": one.node, "name": one.name} for one in act.sources]
        return command, {"node": act.node, "target": act.name, "bitmaps": bitmaps}
    arguments: dict[str, object] = {"node": act.node, "name": act.name}
    if act.verb is BitmapVerb.ADD:
        if act.granularity is not None:
            arguments["granularity"] = act.granularity
        arguments |= {name: True for name in ("persistent", "disabled") if getattr(act, name)}
    return command, arguments


def hindrance(act: BitmapAct, vm: VmSnapshot) -> str | None:
    """Why QEMU would refuse an act now, or must not be asked for it; None where it can be done."""
    nodes = {node.name: node for node in bitmap_nodes(vm)}
    node = nodes.get(act.node)
    if node is None:
        return "there is no such node"
    if act.verb is BitmapVerb.ADD:
        return why_not_add(act, node)
    info = node.bitmap(act.name)
    if info is None:
        return "there is no such bitmap"
    why = why_not(act.verb, Bitmap(node, info))
    if why is not None or act.verb is not BitmapVerb.MERGE:
        return why
    if not act.sources:
        return "choose what to merge into it"
    for source in act.sources:
        of_source = nodes.get(source.node)
        found = of_source.bitmap(source.name) if of_source is not None else None
        if of_source is None or found is None:
            return f"there is no bitmap {source.name} on {source.node}"
        why = why_no_source(Bitmap(of_source, found), Bitmap(node, info))
        if why is not None:
            return f"{source.name}: {why}"
    return None


def why_not(verb: BitmapVerb, bitmap: Bitmap) -> str | None:
    """Why a verb cannot be used on a bitmap as it is; None if it can."""
    info, node = bitmap.info, bitmap.node
    if not info.name:
        return "QEMU made it for itself: without a name no command reaches it"
    if not node.current:
        return "a job runs, and QEMU 5 cannot be asked meanwhile how it stands"
    if info.busy:
        return "a job uses it: wait until that is over"
    if info.inconsistent and verb is not BitmapVerb.REMOVE:
        return "it is inconsistent: all that QEMU lets be done is to remove it"
    changes = verb in (BitmapVerb.CLEAR, BitmapVerb.MERGE, BitmapVerb.REMOVE)
    if changes and info.persistent and node.read_only:
        return "it is kept in an image that is read-only"
    if verb is BitmapVerb.ENABLE and info.recording:
        return "it records already"
    if verb is BitmapVerb.DISABLE and not info.recording:
        return "it is disabled already"
    return None


def why_no_source(source: Bitmap, target: Bitmap) -> str | None:
    """Why a bitmap cannot be merged into another; None if it can."""
    if not source.name:
        return "it has no name"
    if source.key == target.key:
        return "it is the same one"
    if not source.node.current:
        return "a job runs, and QEMU 5 cannot be asked meanwhile how it stands"
    if source.info.busy:
        return "a job uses it"
    if source.info.inconsistent:
        return "it is inconsistent"
    if source.node.size != target.node.size:
        return f"its disk has another size, {size(source.node.size)}"
    return None


def why_not_add(act: BitmapAct, node: BitmapNode) -> str | None:
    """Why a bitmap cannot be added to a node; None if it can."""
    if node.of_job:
        return "the node is a job's, and goes with it: choose the disk's own"
    return (
        name_mistake(act.name, node)
        or granularity_mistake(act.granularity)
        or (_why_not_kept(act, node) if act.persistent else None)
    )


def name_mistake(name: str, node: BitmapNode) -> str | None:
    """What is wrong with the name of a new bitmap."""
    if not name:
        return "give it a name"
    if not name.isprintable():
        return "a name is of characters that can be seen"
    if len(name.encode()) > LONGEST_NAME:
        return f"a name is of {LONGEST_NAME} bytes at the most"
    return "the node has a bitmap of that name" if node.bitmap(name) is not None else None


def granularity_mistake(granularity: int | None) -> str | None:
    """What is wrong with a granularity."""
    if granularity is None:
        return None
    if not FINEST <= granularity <= COARSEST or granularity & (granularity - 1):
        return "the granularity is a power of two from 512 B to 2 GiB"
    return None


def _why_not_kept(act: BitmapAct, node: BitmapNode) -> str | None:
    if node.driver != "qcow2":
        return f"only a qcow2 image keeps bitmaps, not {node.driver or 'this one'}"
    if node.read_only:
        return "its image is read-only, and could not keep it"
    if bitmap_bytes(node.size, act.granularity or _USUAL) > _LARGEST_KEPT:
        return "too fine to be kept in the image of so large a disk: choose a larger granularity"
    return None
