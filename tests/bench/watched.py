"""A BlockDeck that is left to itself for a minute: what that costs."""

import asyncio
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.bench.deck import deck, to_screen, vm_with_jobs
from tests.line.proxy import relay

SECONDS = 60.0


class Watched(NamedTuple):
    """A run of so many seconds with so many jobs.

    `paint` is the bytes of the first paint, the others are per second: bytes, part of a core,
    monitor commands.
    """

    jobs: int
    seconds: float
    paint: int
    sent: float
    cpu: float
    commands: float


_kept: dict[tuple[int, bool], Watched] = {}


async def watched(jobs: int, *, quick: bool) -> Watched:
    """Watch a VM with so many jobs, on the Jobs screen; each is done once in a process."""
    if (jobs, quick) not in _kept:
        _kept[jobs, quick] = await _watch(jobs, 1.0 if quick else SECONDS)
    return _kept[jobs, quick]


async def _watch(jobs: int, seconds: float) -> Watched:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        async with (
            vm_with_jobs(home / "vm", jobs) as vm,
            relay(vm.monitor, home / "relay") as between,
            deck(between.path, home) as line,
        ):
            paint = len(line.sent)
            await to_screen(line, b"2", "Progress" if jobs else "No jobs.")
            asked, sent, cpu = between.asked.total(), len(line.sent), line.cpu_seconds()
            await asyncio.sleep(seconds)
            return Watched(
                jobs,
                seconds,
                paint,
                (len(line.sent) - sent) / seconds,
                (line.cpu_seconds() - cpu) / seconds,
                (between.asked.total() - asked) / seconds,
            )
