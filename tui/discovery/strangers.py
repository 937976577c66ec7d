"""Whose a socket is that no VM is seen behind, and what to think of a stranger's."""

import os
import stat
from pathlib import Path

from tui.discovery.models import FoundMonitor, FoundVm, MonitorState
from tui.discovery.processes import user_name

_ASKED = (MonitorState.FREE, MonitorState.LOOKING)


def with_its_maker(vm: FoundVm, path: Path) -> FoundVm:
    """A lone socket with the user who made it; a stranger's in a public place is not asked.

    Args:
        vm: one with a single monitor.
        path: where its socket is.
    """
    try:
        maker = path.stat().st_uid
    except OSError:
        return vm
    (monitor,) = vm.monitors
    vm = vm.model_copy(update={"user": user_name(maker)})
    stranger = stranger_in_public(path)
    if stranger is not None:
        return vm.model_copy(update={"strange": True, "monitors": (_left(monitor, stranger),)})
    if _is_strange(maker):
        note = f"The user {vm.user} made it, and sees whatever is sent there."
        return vm.model_copy(update={"notes": (note,)})
    return vm


def stranger_in_public(path: Path) -> int | None:
    """The user, neither root nor oneself, who put a path where anybody may put one, as in `/tmp`.

    It counts who made the name itself, also that of a link, or the directory that it is in.
    """
    maker = None
    there = Path(os.path.realpath(path.parent), path.name)
    for part in (there, *there.parents):
        try:
            status = part.lstat()
        except OSError:
            return None
        if maker is not None and status.st_mode & stat.S_IWOTH and _is_strange(maker):
            return maker
        maker = status.st_uid
    return None


def _is_strange(uid: int) -> bool:
    return uid not in (0, os.geteuid())


def _left(monitor: FoundMonitor, stranger: int) -> FoundMonitor:
    if monitor.state not in _ASKED:
        return monitor
    sentence = (
        f"The user {user_name(stranger)} made it where anybody may make one, and no VM is seen "
        "behind it: whatever answers there can pose as a VM. It was not asked."
    )
    left = {"state": MonitorState.NOT_ASKED, "sentence": sentence}
    return monitor.model_copy(update=left)
