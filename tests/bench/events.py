"""How soon an event is on the screen: `python -m tests.bench.events`.

From QEMU's own time stamp to the bytes on the pseudo terminal, on the Events screen.
"""

import asyncio
import random
import tempfile
from pathlib import Path

from tests.bench.deck import TimedLine, deck, to_screen, vm_with_jobs
from tests.bench.figures import Figure
from tests.bench.running import run
from tests.qemu import Vm

EVENTS = 1000
WORDS = {
    "cont": ("RESUME", "guest runs"),
    "stop": ("STOP", "guest stopped"),
    "block-job-pause": ("JOB_STATUS_CHANGE", "job drained or paused"),
    "block-job-resume": ("JOB_STATUS_CHANGE", "job is copying"),
}


def last_told(line: TimedLine) -> str:
    """The words of the last event in the list; each is followed by one of other words."""
    known = [words for _, words in WORDS.values()]
    told = (words for row in reversed(line.rows) for words in known if words in row)
    return next(told, "")


async def one(vm: Vm, line: TimedLine, name: str, **arguments: str) -> float:
    """Run a command that causes one event; how many seconds after it the line is told."""
    event, words = WORDS[name]
    line.await_that(lambda: last_told(line) == words)
    vm.events.clear()
    await vm.qmp(name, arguments)
    while not (found := [e["timestamp"] for e in vm.events if e["event"] == event]):
        await vm.qmp("query-status")
    happened: float = found[0]["seconds"] + found[0]["microseconds"] / 1e6
    return await line.since_when() - happened


async def latencies(jobs: int, count: int) -> list[float]:
    """Those of so many events while so many jobs run, the shortest first."""
    chance = random.Random(jobs)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        async with vm_with_jobs(home / "vm", jobs) as vm, deck(vm.monitor, home) as line:
            await to_screen(line, b"3", "event")
            found = []
            for number in range(count):
                if jobs == 0:
                    found.append(await one(vm, line, "stop" if number % 2 else "cont"))
                else:
                    # To stop the guest would pause all jobs, with an event of each.
                    name = "block-job-resume" if number % 2 else "block-job-pause"
                    found.append(await one(vm, line, name, device="backup0"))
                await asyncio.sleep(chance.uniform(0.05, 0.35))
    return sorted(found)


async def measure(quick: bool) -> list[Figure]:
    """Without jobs, and with 32."""
    count = 6 if quick else EVENTS
    figures = []
    for jobs, reach, words in ((0, 60, "idle"), (32, 150, "32 backups")):
        found = await latencies(jobs, count)
        p99 = 1000 * found[min(len(found) - 1, int(0.99 * len(found)))]
        median, worst = 1000 * found[len(found) // 2], 1000 * found[-1]
        note = f"{count} events, median {median:.0f} ms, worst {worst:.0f} ms"
        figures.append(
            Figure(
                what=f"event to screen, p99, {words}", value=p99, unit="ms", reach=reach, note=note
            )
        )
    return figures


if __name__ == "__main__":
    run([measure])
