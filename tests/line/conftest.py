"""Lines to BlockDeck, and VMs to look at."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.line.terminal import Line
from tests.qemu import QemuStarter, Vm


class LineOpener(Protocol):
    """Starts a BlockDeck on a line of its own."""

    def __call__(self, *words: str | Path, **options: Any) -> Line:
        """See `Line`."""


@pytest.fixture
async def line() -> AsyncIterator[LineOpener]:
    """`line(vm.monitor)`; every BlockDeck is gone when the test ends."""
    opened: list[Line] = []

    def opener(*words: str | Path, **options: Any) -> Line:
        opened.append(Line(*words, **options))
        return opened[-1]

    yield opener
    for one in opened:
        one.close()


@pytest.fixture
async def vm(qemu: QemuStarter) -> Vm:
    """A VM with one disk, `drive0`, that has 16 MiB of data on it."""
    return await qemu.with_data(16 << 20)
