"""A BlockDeck on a terminal of 120 x 40, and VMs with jobs that cost the machine nothing."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from tests.line.terminal import Line
from tests.qemu import Vm, qemu
from tests.waiting import until

SIZE = (120, 40)
_TIB = 1 << 40
_MIB = 1 << 20


class TimedLine(Line):
    """Notes when the screen first shows what is waited for."""

    def __init__(self, *words: str | Path, home: Path) -> None:
        self._look: Callable[[], object] = lambda: True
        self._seen: float | None = None
        kinds = ("CACHE", "CONFIG", "DATA", "STATE")
        env = {"HOME": str(home), **{f"XDG_{kind}_HOME": str(home / kind) for kind in kinds}}
        super().__init__(*words, size=SIZE, env=env)

    def _read(self) -> None:
        # What came has been sent by now; what it shows takes the terminal a moment to tell.
        now = time.time()
        super()._read()
        if self._seen is None and self._look():
            self._seen = now

    def await_that(self, look: Callable[[], object]) -> None:
        """Note from now on when this is first so."""
        assert not look(), "it is so already"
        self._look, self._seen = look, None

    async def since_when(self) -> float:
        """When what is waited for was so, in seconds since the epoch."""
        await until(lambda: self._seen is not None)
        assert self._seen is not None
        return self._seen

    async def wait_of(self, key: bytes, look: Callable[[], object]) -> float:
        """Seconds until a key is answered by what it is to show."""
        self.await_that(look)
        begin = time.time()
        self.press(key)
        return await self.since_when() - begin


@contextlib.asynccontextmanager
async def deck(monitor: Path, home: Path) -> AsyncIterator[TimedLine]:
    """BlockDeck with the disks of a VM on the screen, and nothing more to paint."""
    line = TimedLine(monitor, home=home)
    try:
        await line.shows("disk0")
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
    line.press(key)
    await line.shows(text)
    await asyncio.sleep(1.5)
