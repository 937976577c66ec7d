"""Jobs that run: cancelled only on purpose, and never ended by leaving."""

import os
import signal
from pathlib import Path

import pytest

from tests.journeys.conftest import TerminalOpener
from tests.journeys.steps import (
    BLOCKDECK,
    adopt_slow_backup,
    gone_from,
    jobs_in,
    start_slow_backup,
)
from tests.qemu import Vm

pytestmark = pytest.mark.slow


async def test_cancelling_takes_another_key_than_the_one_that_asked(
    vm: Vm, terminal: TerminalOpener, tmp_path: Path
) -> None:
    there = terminal()
    job = await adopt_slow_backup(there, vm, tmp_path / "backup.qcow2")

    there.press("c")
    await there.sees("Cancel blockdeck-1?", "stays behind, incomplete")
    there.press("c", "c", "Enter")
    await there.sees_no_more("stays behind, incomplete")
    assert (await jobs_in(vm))[job]["status"] == "running"

    there.press("c")
    await there.sees("stays behind, incomplete")
    there.press("Escape")
    await there.sees_no_more("stays behind, incomplete")
    assert (await jobs_in(vm))[job]["status"] == "running"

    there.press("c")
    await there.sees("stays behind, incomplete")
    there.press("y")
    await there.sees("cancelled")
    await gone_from(vm, job)

    there.press("x")
    await there.sees("No jobs.")


async def test_quitting_with_a_running_job_stays_unless_told_otherwise(
    vm: Vm, terminal: TerminalOpener, tmp_path: Path
) -> None:
    there = terminal()
    job = await adopt_slow_backup(there, vm, tmp_path / "backup.qcow2")

    there.press("q")
    await there.sees("Quit while jobs are running?", "Leave them running")
    there.press("Enter")
    await there.sees_no_more("Quit while jobs are running?")

    there.press("q")
    await there.sees("Quit while jobs are running?")
    there.press("y")
    assert await there.exit_status() == 0
    assert (await jobs_in(vm))[job]["status"] == "running"


async def test_a_killed_blockdeck_leaves_the_job_to_the_next_one(
    vm: Vm, terminal: TerminalOpener, tmp_path: Path
) -> None:
    first, second = terminal(), terminal(160, 40)
    first.run(*BLOCKDECK, vm.monitor)
    job = await start_slow_backup(first, vm, tmp_path / "backup.qcow2")

    os.kill(await first.pid(), signal.SIGKILL)
    assert await first.exit_status() == 128 + signal.SIGKILL
    assert (await jobs_in(vm))[job]["status"] == "running"

    second.run(*BLOCKDECK, vm.monitor)
    await second.sees("drive0", "running", "1 job running")
    second.press("2")
    await second.sees(job, " By ", " us ", "running")

    await vm.qmp("block-job-set-speed", device=job, speed=0)
    await second.sees("succeeded: all of it was copied")
    await gone_from(vm, job)


async def test_a_qemu_that_dies_is_told_and_outlived(
    vm: Vm, terminal: TerminalOpener, tmp_path: Path
) -> None:
    there = terminal()
    await adopt_slow_backup(there, vm, tmp_path / "backup.qcow2")
    await vm.kill()
    screen = await there.sees("LOST", "lost")
    assert "Traceback" not in screen
    there.press("q")
    assert await there.exit_status() == 0
