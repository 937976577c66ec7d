"""A terminal that does not read: the VM is served as before, and the screen is right afterwards."""

import itertools
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.line.conftest import LineOpener
from tests.line.picture import picture
from tests.line.proxy import Relay, relay
from tests.line.terminal import A_SECOND, HANG_UP_SECONDS, Line
from tests.qemu import Vm
from tests.waiting import PATIENCE, until, until_answered

pytestmark = pytest.mark.slow

JOB = "blockdeck-1"
SCREENS = 20
"""Of several KB and two writes each; a pseudo terminal holds three, Textual thirty writes."""


async def start_job(vm: Vm, target: Path, speed: int) -> None:
    """Start a backup as an earlier BlockDeck did that is gone now."""
    await vm.qmp(
        "drive-backup",
        {"job-id": JOB, "device": "drive0", "target": str(target), "format": "qcow2"},
        sync="full",
        speed=speed,
        auto_dismiss=False,
    )


async def stall(there: Line, monitor: Relay) -> None:
    """Read no more, and have many screens painted; all the while it does what keys tell it."""
    there.stall()
    for screen in itertools.islice(itertools.cycle((b"1", b"2")), SCREENS):
        asked = monitor.asked["query-block"]
        there.press(screen + b"r")
        await until(partial(monitor.was_asked, "query-block", asked))


@pytest.fixture
async def monitor(vm: Vm, tmp_path: Path) -> AsyncIterator[Relay]:
    """A relay before the VM's monitor."""
    async with relay(vm.monitor, tmp_path / "relay.sock") as one:
        yield one


async def test_a_job_ends_well_while_nobody_reads(
    vm: Vm, monitor: Relay, line: LineOpener, tmp_path: Path
) -> None:
    async def forgotten() -> bool:
        return not await vm.qmp("query-jobs")

    await start_job(vm, tmp_path / "backup.qcow2", speed=1 << 20)
    there = line(monitor.path)
    await there.shows("running")
    await stall(there, monitor)

    # It goes on asking, once a second, and lets QEMU forget the job when it has ended.
    before = monitor.asked["query-jobs"]
    await until(lambda: monitor.asked["query-jobs"] >= before + 3)
    await vm.qmp("block-job-set-speed", device=JOB, speed=0)
    await until_answered(forgotten)
    assert monitor.asked["job-dismiss"] == 1

    there.resume()
    await there.shows("succeeded")
    await there.quiet()
    shown = await picture(there.sent, there.size, tmp_path)
    lines = shown.splitlines()
    assert lines[0].startswith(" Jobs")
    assert lines[1].split()[:4] == ["Job", "Disk", "State", "Progress"]
    assert lines[2].split()[:3] == [JOB, "drive0", "succeeded"]
    assert "100%" in lines[2]
    assert all(not text.strip() for text in lines[3:11])
    assert "1 Disks 2 Jobs 3 Events" in lines[-1]
    assert shown.count(JOB) == 2, shown  # the table and the detail


async def test_a_signal_ends_it_while_nobody_reads(monitor: Relay, line: LineOpener) -> None:
    there = line(monitor.path)
    await there.shows("drive0")
    await stall(there, monitor)
    there.signal(signal.SIGTERM)
    assert await there.ended(A_SECOND) == 128 + signal.SIGTERM
    assert there.attributes == there.attributes_before
    assert there.blocks


async def test_quitting_ends_it_while_nobody_reads(monitor: Relay, line: LineOpener) -> None:
    there = line(monitor.path)
    await there.shows("drive0")
    await stall(there, monitor)
    there.press(b"q")
    assert await there.ended(PATIENCE) == 0
    assert there.attributes == there.attributes_before
    assert there.blocks


async def test_a_hang_up_ends_it_while_nobody_reads(monitor: Relay, line: LineOpener) -> None:
    there = line(monitor.path)
    await there.shows("drive0")
    await stall(there, monitor)
    there.hang_up()
    await there.ended(HANG_UP_SECONDS)
