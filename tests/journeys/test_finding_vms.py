"""From the bare word `blockdeck` to a VM that runs on this host, in a real terminal."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.discovery.starting import Starter, qmp, starting
from tests.journeys.conftest import TerminalOpener
from tests.journeys.steps import BLOCKDECK
from tests.waiting import until

pytestmark = pytest.mark.slow

MOST_VMS = 100


@pytest.fixture
async def start(alone: None, tmp_path: Path) -> AsyncIterator[Starter]:
    """`await start("-name", "web", ...)`; no other test looks at it, and it is gone at the end."""
    async with starting(tmp_path) as starter:
        yield starter


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60)])
async def test_a_vm_is_found_and_opened(
    start: Starter, terminal: TerminalOpener, tmp_path: Path, width: int, height: int
) -> None:
    disk = ("-blockdev", "null-co,node-name=disk0,read-zeroes=on,size=1048576")
    qemu = await start("-name", "journey", *disk, *qmp(tmp_path / "journey.qmp"))
    there = terminal(width, height)
    there.run(*BLOCKDECK)
    await there.sees("Monitor of the VM to back up", "free to connect to")
    there.press("Down", "Home")
    await there.sees("r Look")
    # Other VMs may run on this machine; the pane tells which one the cursor is on.
    for _ in range(MOST_VMS):
        screen = there.screen
        if f"pid {qemu.pid}," in screen:
            break
        there.press("Down")
        await until(lambda: there.screen != screen)  # noqa: B023 -- waited for in this very round
    await there.sees(f"pid {qemu.pid},", "free", "-qmp")
    there.press("Enter")
    await there.sees("journey", "disk0", "connected")
    there.press("q")
    assert await there.exit_status() == 0
    assert not there.alternate
