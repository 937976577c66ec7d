"""What BlockDeck holds after a day of events: `python -m tests.bench.memory`.

A million events and ten thousand jobs are said to it on the monitor's socket.
"""

import asyncio
import contextlib
import tempfile
from pathlib import Path

import psutil

from tests.bench.deck import deck, to_screen, vm_with_jobs
from tests.bench.figures import Figure
from tests.bench.injector import Injector
from tests.bench.running import run
from tests.waiting import until

EVENTS, JOBS = 1_000_000, 10_000
REACH_MB, FLAT = 100, 1.1
_EVERY = 0.5


async def measure(quick: bool) -> list[Figure]:
    """The resident memory after the first quarter and at the end."""
    events, jobs = (2000, 20) if quick else (EVENTS, JOBS)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as owner:
        home = Path(name)
        async with vm_with_jobs(home / "vm", 0) as vm:
            injector = Injector(vm.monitor, home / "injector", events=events, jobs=jobs)
            owner.callback(injector.close)
            await until(injector.path.exists)
            async with deck(injector.path, home) as line:
                process = psutil.Process(line.process.pid)
                await to_screen(line, b"3", "event")
                before = process.memory_info().rss
                injector.begin()
                seen = [before]
                while not injector.sent:
                    await asyncio.sleep(_EVERY)
                    seen.append(process.memory_info().rss)
                await line.quiet(2 * _EVERY)
                after = process.memory_info().rss
    words = f"{events:,} events, {jobs:,} jobs"
    note = f"{before / 1e6:.0f} MB before, {max(seen) / 1e6:.0f} MB at the most"
    return [
        Figure(
            what=f"memory after {words}", value=after / 1e6, unit="MB", reach=REACH_MB, note=note
        ),
        Figure(
            what="memory at the end, flat",
            value=after / 1e6,
            unit="MB",
            reach=FLAT,
            by_ratio=True,
            peer="after a quarter",
            beside=max(seen[: max(1, len(seen) // 4)]) / 1e6,
        ),
    ]


if __name__ == "__main__":
    run([measure])
