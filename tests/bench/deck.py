"""A BlockDeck on a terminal of 120 x 40, and VMs with jobs that cost the machine nothing."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

from tests.line.terminal import Line
from tests.qemu import Vm, qemu

SIZE = (120, 40)
_TIB = 1 << 40
_MIB = 1 << 20


class TimedLine(Line):
    """Notes when what was sent.

    Attributes:
        pieces: seconds since the epoch, and what was read then.
    """

    def __init__(self, *words: str | Path, home: Path) -> None:
        self.pieces: list[tuple[float, bytes]] = []
        kinds = ("CACHE", "CONFIG", "DATA", "STATE")
        env = {"HOME": str(home), **{f"XDG_{kind}_HOME": str(home / kind) for kind in kinds}}
        super().__init__(*words, size=SIZE, env=env)

    def _read(self) -> None:
        before = len(self.sent)
        super()._read()
        self.pieces.append((time.time(), bytes(self.sent[before:])))


@contextlib.asynccontextmanager
async def deck(monitor: Path, home: Path) -> AsyncIterator[TimedLine]:
    """BlockDeck with the disks of a VM on the screen, and nothing more to paint."""
    line = TimedLine(monitor, home=home)
    try:
        await line.has_sent("disk0")
        await line.quiet(1.5)
        yield line
    finally:
        line.close()


@contextlib.asynccontextmanager
async def vm_with_jobs(directory: Path, jobs: int) -> AsyncIterator[Vm]:
    """A QEMU of which each disk is being backed up, at a speed of its own and for days.

    Neither disks nor targets hold anything, so that nothing but the monitor is measured.
    """
    options: list[str] = []
    for number in range(max(jobs, 1)):
        options += ["-drive", f"if=none,id=disk{number},driver=null-co,size={_TIB}"]
        options += ["-blockdev", f"null-co,node-name=target{number},size={_TIB}"]
    async with qemu(directory, *options) as vm:
        for number in range(jobs):
            await vm.qmp(
                "blockdev-backup",
                job_id=f"backup{number}",
                device=f"disk{number}",
                target=f"target{number}",
                sync="full",
                speed=(number + 1) * _MIB,
            )
        yield vm


async def to_screen(line: Line, key: bytes, text: str) -> None:
    """Go to a screen by its key."""
    mark = len(line.sent)
    line.press(key)
    await line.has_sent(text, mark)
    await asyncio.sleep(1.5)
