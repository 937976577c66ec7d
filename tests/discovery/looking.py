"""Looks at the processes that the test itself has started, and at no others of this machine."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psutil

from tui.discovery.models import Findings, FoundMonitor, FoundVm
from tui.discovery.places import Place
from tui.discovery.scout import Scout
from tui.qmp.address import MonitorAddress

NOBODY = 65534
FIRST_PID = 4201


def is_ours(pid: int) -> bool:
    """Whether the test has started the process."""
    try:
        return os.getpid() in (parent.pid for parent in psutil.Process(pid).parents())
    except psutil.Error:
        return False


def scout(*places: Path, asks: bool = True) -> Scout:
    """A scout for the test's own VMs, and for sockets in these directories."""
    looked_at = tuple(Place(directory=place, depth=4) for place in places)
    return Scout(places=looked_at, wanted=is_ours, asks=asks)


class StillScout(Scout):
    """Finds the VMs that the process itself has started, and gives them fixed ids and ages."""

    def __init__(self) -> None:
        super().__init__(places=(), wanted=is_ours)

    async def look(
        self,
        recent: Sequence[MonitorAddress] = (),
        tell: Callable[[Findings], None] = lambda _: None,
    ) -> Findings:
        """What there is."""
        return stilled(await super().look(recent, lambda found: tell(stilled(found))))


def stilled(found: Findings) -> Findings:
    """What was found, each VM three days old."""
    started = time.time() - timedelta(days=3).total_seconds()
    names = sorted(vm.title for vm in found.vms)
    vms = (
        vm.model_copy(
            update={
                "pid": FIRST_PID + names.index(vm.title) if vm.pid else None,
                "started": started,
                "monitors": tuple(held_still(monitor) for monitor in vm.monitors),
            }
        )
        for vm in found.vms
    )
    return found.model_copy(update={"vms": tuple(vms)})


def held_still(monitor: FoundMonitor) -> FoundMonitor:
    """A monitor whose holder has the same process id each time."""
    if monitor.holder is None or monitor.holder.pid is None or monitor.ours:
        return monitor
    pid = FIRST_PID - 1
    sentence = monitor.sentence.replace(f"pid {monitor.holder.pid}", f"pid {pid}")
    holder = monitor.holder.model_copy(update={"pid": pid})
    return monitor.model_copy(update={"holder": holder, "sentence": sentence})


def the_vm(found: Findings, name: str) -> FoundVm:
    """The one VM with that name."""
    (vm,) = (vm for vm in found.vms if vm.name == name)
    return vm


def at(vm: FoundVm, place: object) -> FoundMonitor:
    """The one monitor of a VM with that address."""
    (monitor,) = (m for m in vm.monitors if str(m.address) == str(place))
    return monitor


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's rights for a while, in the files and processes one may see."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
