"""QEMUs with exactly the monitors a test asks for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.discovery.starting import Starter, starting


@pytest.fixture
async def start(alone: None, tmp_path: Path) -> AsyncIterator[Starter]:
    """`await start("-name", "web", ...)`; no other test looks at it, and it is gone at the end."""
    async with starting(tmp_path) as starter:
        yield starter
