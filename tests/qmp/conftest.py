"""What the tests of the QMP room share."""

import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.qmp.machine import Machine, machine


@pytest.fixture
async def vm(place: Path) -> AsyncIterator[Machine]:
    """A running QEMU."""
    async with machine(place) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Collect within the test what it forgot to close, so that the warning fails this very test."""
    yield
    gc.collect()
