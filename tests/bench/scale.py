"""A large VM in a flood of events: `python -m tests.bench.scale`.

2,000 nodes and 200 jobs of a real QEMU, and 5,000 events a second for half a minute, said on the
monitor's socket; a key is pressed now and then until the row it goes to is on the terminal.
"""

import asyncio
import contextlib
import functools
import re
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from tests.bench.deck import TimedLine, deck, to_screen
from tests.bench.figures import Figure
from tests.bench.injector import Injector
from tests.bench.running import run
from tests.qemu import Vm, qemu
from tests.waiting import until

NODES, JOBS, RATE, SECONDS = 2000, 200, 5000, 30
REACH_MS = 100
_GIB = 1 << 30
_JOB = re.compile(r"backup(\d+)")
_TOTAL = re.compile(r"shown of (\d+)")


@contextlib.asynccontextmanager
async def large_vm(directory: Path, nodes: int, jobs: int) -> AsyncIterator[Vm]:
    """A QEMU with so many nodes, the first of them with jobs."""
    options: list[str] = []
    for number in range(jobs):
        options += ["-drive", f"if=none,id=disk{number},driver=null-co,size={_GIB}"]
    for number in range(nodes - jobs):
        options += ["-blockdev", f"null-co,node-name=node{number},size={_GIB}"]
    async with qemu(directory, *options) as vm:
        for number in range(jobs):
            await vm.qmp(
                "blockdev-backup",
                job_id=f"backup{number}",
                device=f"disk{number}",
                target=f"node{number}",
                sync="full",
                speed=1 << 16,
            )
        yield vm


def is_highlighted(line: TimedLine, name: str) -> bool:
    """Whether the row under the cursor has this in it."""
    return name in line.under_cursor


async def rows_below(line: TimedLine) -> list[int]:
    """The numbers of the jobs under the first, which is under the cursor of the Jobs screen."""
    await to_screen(line, b"2", "Progress")
    first, second, *_ = dict.fromkeys(int(number) for number in _JOB.findall(line.screen))
    return list(range(second, JOBS)) if second > first else list(range(second, -1, -1))


async def total_shown(line: TimedLine, least: int) -> int:
    """How many events are told of: at least as many as were sent, or what is told a while later."""
    line.press(b"3")

    def total() -> int:
        return int(["0", *_TOTAL.findall(line.screen)][-1])

    with contextlib.suppress(AssertionError):
        await until(lambda: total() >= least)
    return total()


async def measure(quick: bool) -> list[Figure]:
    """How long keys wait, and how many events are told of."""
    nodes, jobs, seconds = (40, 10, 1) if quick else (NODES, JOBS, SECONDS)
    count = RATE * seconds
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as owner:
        home = Path(name)
        async with large_vm(home / "vm", nodes, jobs) as vm:
            injector = Injector(vm.monitor, home / "injector", events=count, jobs=jobs, rate=RATE)
            owner.callback(injector.close)
            await until(injector.path.exists)
            async with deck(injector.path, home) as line:
                rows = await rows_below(line)
                injector.begin()
                begin, waits = time.monotonic(), []
                for row in rows:
                    look = functools.partial(is_highlighted, line, f" backup{row} ")
                    waits.append(await line.wait_of(b"j", look))
                    if injector.sent:
                        break
                    await asyncio.sleep(0.15)
                await until(lambda: injector.sent, 3 * SECONDS)
                took = time.monotonic() - begin
                shown = await total_shown(line, count)
    waits.sort()
    what = f"{nodes:,} nodes, {jobs} jobs, {RATE:,} events/s"
    note = f"{len(waits)} keys, median {1000 * waits[len(waits) // 2]:.0f} ms, p99 "
    note += f"{1000 * waits[int(0.99 * (len(waits) - 1))]:.0f} ms; {count:,} events in {took:.0f} s"
    return [
        Figure(
            what=f"longest wait of a key, {what}",
            value=1000 * waits[-1],
            unit="ms",
            reach=REACH_MS,
            note=note,
        ),
        Figure(what="events not told of, of those", value=max(0, count - shown), unit="", reach=0),
    ]


if __name__ == "__main__":
    run([measure])
