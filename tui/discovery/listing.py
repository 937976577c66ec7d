"""What a look tells of the VMs it has found: in their order, and without what would bury them."""

from collections.abc import Callable, Iterable

from tui.discovery.models import Findings, FoundVm

_MOST = 20
"""Sockets that somebody has left behind which are listed."""


def listing(
    vms: Iterable[FoundVm],
    notes: Iterable[str],
    *,
    left_behind: Callable[[FoundVm], bool],
    more: str,
    whole: bool,
) -> Findings:
    """All VMs, but of what is left behind no more than a few.

    Args:
        vms: what is known now, in any order.
        notes: what could not be seen.
        left_behind: whether it is a socket alone, of which there may be any number.
        more: the note on those that are left out, after their number.
        whole: whether the look has ended.
    """
    ordered = sorted(vms, key=lambda vm: vm.place)
    left_out = [vm for vm in ordered if left_behind(vm)][_MOST:]
    keys = {vm.key for vm in left_out}
    return Findings(
        vms=tuple(vm for vm in ordered if vm.key not in keys),
        notes=(*notes, f"{len(keys)} more {more}") if keys else tuple(notes),
        whole=whole,
    )
