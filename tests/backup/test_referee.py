"""A real QEMU is the referee: what the rules foretell, it must say."""

import itertools
import os
from pathlib import Path
from random import Random

import pytest

from tests.backup.cases import draw
from tests.backup.referee import Referee

CASES = 300


@pytest.mark.parametrize("half", ["one", "other"])
async def test_the_verdict_is_that_of_qemu(tmp_path: Path, half: str) -> None:
    seed = os.environ.get("BLOCKDECK_SEED", "referee")
    print(f"BLOCKDECK_SEED={seed}")
    random = Random(f"{seed} {half}")
    cases = (draw(random, tmp_path) for _ in itertools.count())
    tally = await Referee(tmp_path).hear(itertools.islice(cases, CASES))
    assert not [str(dispute) for dispute in tally.disputes]
    assert not tally.deaths
    assert tally.unknown.total() <= CASES // 50
