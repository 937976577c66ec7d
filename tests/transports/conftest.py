"""Each test of the suite runs once over each transport."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.transports.over_libvirt import Libvirtd, over_libvirt, running_libvirtd
from tests.transports.over_ssh import over_ssh, over_ssh_to_a_port
from tests.transports.over_tls import over_tls
from tests.transports.reaching import Reached, over_tcp, over_unix
from tests.transports.system_libvirtd import SystemLibvirtd, can_run

WAYS = {
    "unix": over_unix,
    "tcp": over_tcp,
    "tls": over_tls,
    "ssh": over_ssh,
    "ssh-port": over_ssh_to_a_port,
}
LIBVIRT = "libvirt"
SYSTEM = "libvirt-system"


_SYSTEM = pytest.param(
    SYSTEM, marks=pytest.mark.skipif(not can_run(), reason="only root can mount file systems")
)


@pytest.fixture(params=[*WAYS, LIBVIRT, _SYSTEM])
async def reached(request: pytest.FixtureRequest, place: Path) -> AsyncIterator[Reached]:
    """A QEMU behind one of the transports."""
    if request.param == LIBVIRT:
        # Started for whoever needs it, and once.
        way = over_libvirt(request.getfixturevalue("libvirtd"))
    elif request.param == SYSTEM:
        way = over_libvirt(request.getfixturevalue("system_libvirtd"))
    else:
        way = WAYS[request.param](place)
    async with way as behind:
        yield behind


@pytest.fixture(scope="session")
def libvirtd() -> Iterator[Libvirtd]:
    """A libvirtd that serves all tests of this process."""
    with running_libvirtd() as daemon:
        yield daemon


@pytest.fixture(scope="session")
def system_libvirtd() -> Iterator[Libvirtd]:
    """The system's libvirtd, for all tests of this process."""
    with running_libvirtd(SystemLibvirtd) as daemon:
        yield daemon


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Collect within the test what it forgot to close, so that the warning fails this very test."""
    yield
    gc.collect()


@pytest.fixture
def open_files() -> Callable[[], int]:
    """How many descriptors this process has open."""
    return lambda: len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
async def no_task_is_left() -> AsyncIterator[None]:
    """Whatever a transport began is over when its session is."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert [task for task in left if not task.done()] == []
