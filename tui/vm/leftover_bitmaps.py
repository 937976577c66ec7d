"""Dirty bitmaps that are of no use, or that nobody keeps up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tui.qmp.models import BlockDirtyInfo
from tui.vm.leftover import Kind, Leftover, Remedy
from tui.vm.snapshot import BACKUP_FILTER_DRIVERS, Node, VmSnapshot

_PLACE_NOT_KNOWN = (
    "whether its chain goes on is not known here; if you know that it does not, remove it among "
    "the bitmaps (block-dirty-bitmap-remove)"
)


@dataclass(frozen=True, slots=True)
class LostChain:
    """A chain of BlockDeck's without a manifest.

    Attributes:
        id: the chain's.
        serial: of the point since which a bitmap records.
        manifest: where it was; "" is not known.
    """

    id: str
    serial: int
    manifest: str


def leftover_bitmaps(vm: VmSnapshot, lost: Mapping[str, LostChain]) -> Iterator[Leftover]:
    """Those of all nodes; none where they cannot be asked for now (danger X2).

    Args:
        vm: the VM as it is.
        lost: chains by the names of their bitmaps.
    """
    if vm.traps.listing_nodes_kills and vm.job_ids:
        return
    busy = any(info.status != "concluded" for info in vm.job_infos)
    filters = {node.name for node in vm.nodes if node.driver in BACKUP_FILTER_DRIVERS}
    for node in vm.nodes:
        # A filter's bitmaps, and those it makes on what is below, are its own.
        below = any(parent in filters for parent, _ in vm.graph.parents(node.name))
        unnamed = [bitmap for bitmap in node.bitmaps if not bitmap.name]
        if unnamed and not busy and not below and node.name not in filters:
            yield _unnamed(node, unnamed)
        for bitmap in node.bitmaps:
            if not bitmap.name:
                continue
            if bitmap.inconsistent:
                yield _inconsistent(vm, node, bitmap)
            elif bitmap.name in lost and not bitmap.busy:
                yield _of_lost_chain(vm, node, bitmap, lost[bitmap.name])
            elif not bitmap.recording and not bitmap.busy:
                yield _disabled(node, bitmap)


def _inconsistent(vm: VmSnapshot, node: Node, bitmap: BlockDirtyInfo) -> Leftover:
    remedy, reason = _removal(vm, node, bitmap)
    return Leftover(
        kind=Kind.BITMAP,
        name=bitmap.name,
        node=node.name,
        what="A dirty bitmap that is inconsistent: QEMU was not ended in good order.",
        why="It does not tell any more what was written: no backup can be made by it, and all "
        "that QEMU lets be done with it is to remove it.",
        remedy=remedy,
        reason=reason,
        lost="Nothing that is of use. Whoever made incremental backups by it needs a full one.",
        mark=_mark(node, bitmap),
    )


def _of_lost_chain(
    vm: VmSnapshot, node: Node, bitmap: BlockDirtyInfo, chain: LostChain
) -> Leftover:
    media = {device.medium.node_name: device.title for device in vm.devices if device.medium}
    disk = f" on {media[node.name]}" if node.name in media else ""
    does = "records what is written" if bitmap.recording else "holds what was written"
    full = f"the next point of chain {chain.id} has to be a full one, of all its disks"
    remedy, reason = _removal(vm, node, bitmap) if chain.manifest else (None, _PLACE_NOT_KNOWN)
    why = (
        f"The chain is gone: {chain.manifest} is not there any more. Where it was moved, it goes "
        "on from its new place, and this is no leftover."
        if chain.manifest
        else "Nothing is on record here of where the chain is: another user or another host may "
        f"keep it up. Without the bitmap {full}; the points that it has stay good."
    )
    return Leftover(
        kind=Kind.BITMAP,
        name=bitmap.name,
        node=node.name,
        what=f"A dirty bitmap of BlockDeck's{disk}: it {does} since point "
        f"{chain.serial} of chain {chain.id}.",
        why=why,
        ours=True,
        remedy=remedy,
        reason=reason,
        lost=f"What was written since that point: should the chain turn up again, {full}. The "
        "points that it has stay good.",
        alone=True,
        mark=_mark(node, bitmap),
    )


def _removal(vm: VmSnapshot, node: Node, bitmap: BlockDirtyInfo) -> tuple[Remedy | None, str]:
    """What removes a bitmap, or why nothing can now."""
    if node.read_only:
        return None, "its node is read-only: QEMU cannot take it out of the image"
    if vm.graph.users(node.name):
        return None, "a job works on its disk: wait until it is over"
    where = "takes it out of the image and " if bitmap.persistent else ""
    arguments = {"node": node.name, "name": bitmap.name}
    return Remedy("block-dirty-bitmap-remove", arguments, f"QEMU {where}forgets it."), ""


def _unnamed(node: Node, bitmaps: Sequence[BlockDirtyInfo]) -> Leftover:
    one = "A dirty bitmap" if len(bitmaps) == 1 else f"{len(bitmaps)} dirty bitmaps"
    return Leftover(
        kind=Kind.BITMAP,
        name="",
        node=node.name,
        what=f"{one} without a name.",
        why="QEMU makes such for itself. No job and no filter accounts for it: a migration of the "
        "storage may, or else it was left behind.",
        reason="without a name no command reaches it; it goes with what made it, at the latest "
        "with QEMU",
    )


def _disabled(node: Node, bitmap: BlockDirtyInfo) -> Leftover:
    kept = "It is kept in the image." if bitmap.persistent else "It goes when QEMU ends."
    return Leftover(
        kind=Kind.BITMAP,
        name=bitmap.name,
        node=node.name,
        what=f"A dirty bitmap that is disabled. {kept}",
        why="It records no write. It may be forgotten, or be kept on purpose: as what was written "
        "up to some moment.",
        reason="a chain of incremental backups may need it: only its owner knows "
        "(block-dirty-bitmap-remove)",
        mark=_mark(node, bitmap),
    )


def _mark(node: Node, bitmap: BlockDirtyInfo) -> str:
    return f"{node.filename} {bitmap.granularity} {bitmap.persistent} {bitmap.inconsistent}"
