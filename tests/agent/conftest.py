"""An agent for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.fake import FakeAgent, fake_agent


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[FakeAgent]:
    """A fake agent behind a real socket."""
    async with fake_agent(tmp_path) as found:
        yield found
