"""What is asked before VMs with running jobs are left."""

from collections.abc import Sequence

from tui.screens.confirm import Confirm
from tui.text import plain
from tui.vm.snapshot import VmSnapshot
from tui.vm.target_nodes import is_filter

_NAMED = 3


def leave_question(vms: Sequence[VmSnapshot], title: str = "Quit") -> Confirm | None:
    """Which jobs run, and what becomes of them; None where none does."""
    busy = [vm for vm in vms if vm.live_jobs]
    if not busy:
        return None
    jobs = [job for vm in busy for job in vm.live_jobs]
    several = len(vms) > 1
    told = [
        f"{plain(job.id, 60)} ({plain(vm.title, 30)})" if several else plain(job.id, 60)
        for vm in busy
        for job in vm.live_jobs
    ]
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    of = f" on {len(busy)} VMs" if len(busy) > 1 else ""
    left = [node for job in jobs for node in job.target_nodes]
    waits = " The target of a blockdev-backup stays open until then." if left else ""
    if any(is_filter(node) for node in left):
        waits += " So does the filter of its fleecing on the disk, and what that saves takes room."
    return Confirm(
        title=f"{title} while jobs are running?",
        text=f"Running in QEMU{of}: {', '.join(told[:_NAMED])}{more}. Nothing is lost: they go on "
        f"without BlockDeck, and it finds them when it comes back.{waits}",
        yes="Leave them running",
        no="Stay",
    )
