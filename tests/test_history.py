"""Outcomes are written to a file of the user's own, one line each, for good."""

import asyncio
import json
import stat
from pathlib import Path

import pytest

from tui.history import History
from tui.vm.job import Job, Outcome
from tui.vm.snapshot import VmSnapshot

VM = VmSnapshot(name="mail\n[/x]", uuid="u")


def job(number: int) -> Job:
    command = {"execute": "drive-backup", "arguments": {"job-id": f"j{number}"}}
    return Job(
        id=f"j{number}",
        type="backup",
        device="d0",
        target="/b/\udcff\U0001f600",
        outcome=Outcome.FAILED,
        detail="No space left on device",
        offset=4,
        len=8,
        command=command,
    )


async def test_each_outcome_is_a_line_that_only_its_owner_reads(tmp_path: Path) -> None:
    history = History(tmp_path / "new" / "history.jsonl")
    await asyncio.gather(*(history.record(VM, job(number)) for number in range(20)))
    lines = [json.loads(line) for line in history.path.read_text().splitlines()]
    assert {line["job"] for line in lines} == {f"j{number}" for number in range(20)}
    first = next(line for line in lines if line["job"] == "j0")
    assert first.pop("ended") > 0
    assert first == {
        "vm": VM.name,
        "uuid": "u",
        "job": "j0",
        "ours": False,
        "device": "d0",
        "target": "/b/\udcff\U0001f600",
        "outcome": "failed",
        "detail": "No space left on device",
        "offset": 4,
        "len": 8,
        "command": {"execute": "drive-backup", "arguments": {"job-id": "j0"}},
    }
    assert stat.S_IMODE(history.path.stat().st_mode) == 0o600


async def test_a_file_that_cannot_be_written_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        await History(tmp_path / "taken").record(VM, job(1))
