"""A few random sequences of each kind; `make soak` runs as many as are wanted."""

from pathlib import Path

import pytest

from tests.chain.sequences import Kind, run_sequence
from tests.small import small_filesystem

KINDS = (
    Kind(("qcow2",), fleeces=False),
    Kind(("qcow2", "qcow2"), fleeces=False),
    Kind(("raw", "raw"), fleeces=True),
    Kind(("raw", "qcow2"), fleeces=True),
)


@pytest.mark.parametrize(("seed", "kind"), enumerate(KINDS), ids=str)
async def test_every_point_stays_what_it_was(tmp_path: Path, seed: int, kind: Kind) -> None:
    await run_sequence(seed, tmp_path / "run", small_filesystem, kind)
