"""A few random sequences; `python -m tests.chain.long` runs as many as are wanted."""

from pathlib import Path

import pytest

from tests.chain.sequences import run_sequence
from tests.small import small_filesystem


@pytest.mark.parametrize("seed", range(4))
async def test_every_point_stays_what_it_was(tmp_path: Path, seed: int) -> None:
    await run_sequence(seed, tmp_path / "run", small_filesystem)
