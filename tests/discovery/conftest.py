"""QEMUs with exactly the monitors a test asks for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.discovery.starting import Starter, starting


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Starter]:
    """`await start("-name", "web", ...)`; every QEMU is gone when the test ends."""
    async with starting(tmp_path) as starter:
        yield starter
