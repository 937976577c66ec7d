"""What any test may ask for: a real QEMU, the demo VM, and a home of its own."""

import contextlib
import gc
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.qemu import QemuStarter
from tests.turns import left_alone, looking
from tui.demo.vm import DemoVm


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that the workers, which take work from each other, end together."""
    items.sort(key=_shortness)


def _shortness(item: pytest.Item) -> int:
    """What needs a longer deadline takes longest, what is marked as slow less, all else little."""
    if item.get_closest_marker("timeout"):
        return 0
    return 1 if item.get_closest_marker("slow") else 2


def pytest_collection_finish() -> None:
    """Have no collection of garbage look through what stays until the end: modules and tests.

    Some tests collect the garbage when they are over; that took a fifth of a second each.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory of the test's own, so that nothing of the user's is read or written."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in ("CACHE", "CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    return home


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a path short enough for sockets, which pytest's own need not have."""
    directory = Path(tempfile.mkdtemp(prefix="bd-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def alone() -> Iterator[None]:
    """No other test looks at this machine's VMs meanwhile."""
    with left_alone():
        yield


@pytest.fixture
def among_others() -> Iterator[None]:
    """This test looks at this machine's VMs, while none is that counts on being left alone."""
    with looking():
        yield


@pytest.fixture
async def qemu(tmp_path: Path) -> AsyncIterator[QemuStarter]:
    """`vm = await qemu("-drive", …)`; every QEMU is gone when the test ends."""
    async with contextlib.AsyncExitStack() as owner:
        yield QemuStarter(tmp_path, owner)


@pytest.fixture
async def demo_vm() -> AsyncIterator[DemoVm]:
    """The demo VM, fresh."""
    async with DemoVm.start() as vm:
        yield vm
