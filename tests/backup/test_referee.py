"""A real QEMU is the referee: what the rules foretell, it must say."""

import itertools
import os
from pathlib import Path
from random import Random

import pytest

from tests.backup.cases import draw, draw_by_node
from tests.backup.referee import Referee
from tui.backup.arguments import BLOCKDEV_BACKUP, DRIVE_BACKUP

CASES = 300


@pytest.mark.parametrize(
    ("half", "command"),
    [("one", DRIVE_BACKUP), ("other", DRIVE_BACKUP), ("third", BLOCKDEV_BACKUP)],
)
async def test_the_verdict_is_that_of_qemu(tmp_path: Path, half: str, command: str) -> None:
    seed = os.environ.get("BLOCKDECK_SEED", "referee")
    print(f"BLOCKDECK_SEED={seed}")
    random = Random(f"{seed} {half}")
    one = draw if command == DRIVE_BACKUP else draw_by_node
    cases = (one(random, tmp_path) for _ in itertools.count())
    tally = await Referee(tmp_path, command).hear(itertools.islice(cases, CASES))
    assert not [str(dispute) for dispute in tally.disputes]
    assert not tally.deaths
    assert tally.unknown.total() <= CASES // 50
