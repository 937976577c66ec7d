"""A real QEMU is the referee: what the rules foretell, it must say."""

import os
import time
from pathlib import Path

import pytest

from tests.backup.cases import cases
from tests.backup.referee import Referee
from tui.backup.arguments import BLOCKDEV_BACKUP, DRIVE_BACKUP

CASES = 300


@pytest.mark.parametrize(
    ("part", "command"),
    [("one", DRIVE_BACKUP), ("other", DRIVE_BACKUP), ("third", BLOCKDEV_BACKUP)],
)
async def test_the_verdict_is_that_of_qemu(tmp_path: Path, part: str, command: str) -> None:
    seed = os.environ.get("BLOCKDECK_SEED") or str(time.time_ns())
    print(f"BLOCKDECK_SEED={seed}")
    asked = cases(command, tmp_path, CASES, f"{seed} {part}")
    tally = await Referee(tmp_path, command).hear(iter(asked))
    assert not [str(dispute) for dispute in tally.disputes]
    assert not tally.deaths
    # About one in a hundred cannot be foretold; by chance it is never one in twenty.
    assert tally.unknown.total() <= CASES // 20
