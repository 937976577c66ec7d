"""Looks at the processes that the test itself has started, and at no others of this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tui.discovery.models import Findings, FoundMonitor, FoundVm
from tui.discovery.places import Place
from tui.discovery.scout import Scout

NOBODY = 65534


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
