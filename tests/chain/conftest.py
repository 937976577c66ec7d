"""What the tests of chains share."""

from pathlib import Path

import pytest


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the backups of a chain go; it is there, and empty."""
    directory = tmp_path / "backups"
    directory.mkdir()
    return directory
