"""What is left in a QEMU that nobody uses, why it is judged so, and how it would be cleaned up."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from tui.vm.leftover import Kind, Leftover
from tui.vm.leftover_bitmaps import LostChain, leftover_bitmaps
from tui.vm.leftover_files import LeftFile, leftover_files
from tui.vm.leftover_jobs import is_settling, leftover_jobs
from tui.vm.leftover_nodes import leftover_nodes
from tui.vm.snapshot import VmSnapshot
from tui.vm.target_nodes import all_nodes

_NONE: Mapping[str, LostChain] = MappingProxyType({})


def find_leftovers(
    vm: VmSnapshot,
    in_use: Iterable[str] = (),
    files: Iterable[LeftFile] = (),
    lost: Mapping[str, LostChain] = _NONE,
) -> tuple[Leftover, ...]:
    """Everything nobody uses, in the order in which it can be cleaned up.

    Args:
        vm: the VM as it is.
        in_use: nodes that a job is about to use, or that are about to be closed.
        files: that a BlockDeck which was killed has left.
        lost: chains without a manifest, by the names of their bitmaps.
    """
    settling = [job for job in vm.jobs if is_settling(vm, job)]
    kept = frozenset(in_use).union(*(all_nodes(job.id) for job in settling))
    return (
        *leftover_jobs(vm, kept),
        *leftover_nodes(vm, kept),
        *leftover_bitmaps(vm, lost),
        *leftover_files(vm, files),
    )


def is_there(leftover: Leftover, vm: VmSnapshot) -> bool:
    """Whether there is a thing of that kind and name at all, be it in use or not."""
    match leftover.kind:
        case Kind.JOB | Kind.PENDING:
            return leftover.name in vm.job_ids
        case Kind.NODE | Kind.FILTER:
            return leftover.name in vm.graph.names
        case Kind.BITMAP:
            node = next((node for node in vm.nodes if node.name == leftover.node), None)
            return any(bitmap.name == leftover.name for bitmap in (node.bitmaps if node else ()))
        case Kind.FILE:
            return False
