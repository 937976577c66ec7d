"""A hundred VMs side by side: `python -m tests.bench.many`.

A hundred real QEMUs, each with a backup that goes on for days, are found and opened in one
BlockDeck. One of them is stopped (SIGSTOP) before keys are pressed: its line is dead all the while.
"""

import asyncio
import contextlib
import functools
import os
import random
import re
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import psutil

from tests.bench.deck import TimedLine, to_screen
from tests.bench.figures import Figure
from tests.bench.running import run
from tests.bench.scale import is_highlighted
from tests.discovery.looking import scout
from tests.qemu import Vm, qemu
from tests.waiting import until

VMS, KEYS, SECONDS = 100, 60, 20.0
REACH_MS, REACH_CPU, REACH_MB = 100, 50, 150
REACH_FOUND, REACH_OPEN = 5, 20
STORMING = 20
"""VMs whose guests stop and start in the storm, which their jobs tell of, too."""
TOSS = 0.05
"""Seconds between two of them."""

_GIB, _TIB = 1 << 30, 1 << 40
_AT_ONCE = 8
_LOADED = 90.0


def _name(number: int) -> str:
    return f"vm{number:03}"


async def _started(owner: contextlib.AsyncExitStack, home: Path, count: int) -> list[Vm]:
    """So many QEMUs, named by their number, each with a disk that is being backed up."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> Vm:
        disk = f"null-co,node-name=of-{_name(number)},size={_TIB}"
        target = f"null-co,node-name=target,size={_TIB}"
        options = ["-name", _name(number), "-blockdev", disk, "-blockdev", target]
        if number == 0:
            # A form is opened on it; any file system has room for its backup.
            options += ["-blockdev", f"null-co,node-name=free,size={_GIB}"]
        async with turn:
            vm = await owner.enter_async_context(qemu(home / str(number), *options))
            await vm.qmp(
                "blockdev-backup",
                job_id=f"job-{_name(number)}",
                device=f"of-{_name(number)}",
                target="target",
                sync="full",
                speed=(number + 1) << 16,
            )
        return vm

    return list(await asyncio.gather(*(one(number) for number in range(count))))


def _shows(line: TimedLine, text: str) -> bool:
    return text in line.screen


async def _step_through(line: TimedLine, count: int, keys: int) -> list[float]:
    """Seconds from the key to the disks of the next VM, for so many VMs."""
    waits = []
    for number in range(1, keys + 1):
        look = functools.partial(_shows, line, f"of-{_name(number % count)}")
        waits.append(await line.wait_of(b"]", look))
        await asyncio.sleep(0.1)
    return sorted(waits)


async def _scroll(line: TimedLine, count: int, keys: int) -> list[float]:
    """Seconds from the key to the next line of the list of VMs."""
    await to_screen(line, b"0", "Progress")
    line.press(b"g")
    await until(lambda: is_highlighted(line, _name(0)))
    waits = []
    for number in range(1, min(keys, count)):
        look = functools.partial(is_highlighted, line, _name(number))
        waits.append(await line.wait_of(b"j", look))
        await asyncio.sleep(0.1)
    return sorted(waits)


async def _scroll_jobs(line: TimedLine, keys: int) -> list[float]:
    """Seconds from the key to the next line of the jobs of all."""
    await to_screen(line, b"2", "Progress")
    line.press(b"g")
    shown = list(dict.fromkeys(re.findall(r"job-vm\d+", line.screen)))
    await until(lambda: is_highlighted(line, shown[0]))
    waits = []
    for job in shown[1 : keys + 1]:
        waits.append(await line.wait_of(b"j", functools.partial(is_highlighted, line, job)))
        await asyncio.sleep(0.1)
    return sorted(waits)


async def _type(line: TimedLine, keys: int) -> list[float]:
    """Seconds from the key to the letter in a form, from the list of VMs on."""
    line.press(b"g")
    await to_screen(line, b"\r", "free")
    line.press(b"/free\r")
    await asyncio.sleep(1.0)
    await to_screen(line, b"b", "Ready. F2 starts the backup.")
    waits, typed = [], "QXQ"
    line.press(typed.encode())
    await line.shows(typed)
    for letter in random.Random(keys).choices("JKVWXYZ", k=keys):
        typed += letter
        waits.append(
            await line.wait_of(letter.encode(), functools.partial(_shows, line, typed[-8:]))
        )
        await asyncio.sleep(0.1)
    line.press(b"\x1b")
    return sorted(waits)


@contextlib.asynccontextmanager
async def _storm(vms: Sequence[Vm]) -> AsyncIterator[list[int]]:
    """Guests are stopped and go on all the time; gives the numbers of commands."""
    told = [0] * len(vms)

    async def toss(place: int) -> None:
        while True:
            await vms[place].qmp("stop" if told[place] % 2 else "cont")
            told[place] += 1
            vms[place].events.clear()
            await asyncio.sleep(TOSS)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(toss(place)) for place in range(len(vms))]
        try:
            yield told
        finally:
            for task in tasks:
                task.cancel()


def _figure(what: str, waits: list[float]) -> Figure:
    median, p99 = waits[len(waits) // 2], waits[int(0.99 * (len(waits) - 1))]
    note = f"{len(waits)} keys, median {1000 * median:.0f} ms, p99 {1000 * p99:.0f} ms"
    return Figure(what=what, value=1000 * waits[-1], unit="ms", reach=REACH_MS, note=note)


async def measure(quick: bool) -> list[Figure]:
    """How long keys wait, what watching all of them costs, and what it holds."""
    count, keys, seconds = (6, 4, 1.0) if quick else (VMS, KEYS, SECONDS)
    async with contextlib.AsyncExitStack() as owner:
        home = Path(owner.enter_context(tempfile.TemporaryDirectory()))
        vms = await _started(owner, home, count)
        begin = time.monotonic()
        found = await scout(*(home / str(number) for number in range(count))).look()
        looked = time.monotonic() - begin
        assert sum(vm.usable for vm in found.vms) == count
        begin = time.monotonic()
        line = TimedLine(*(vm.monitor for vm in vms), home=home)
        owner.callback(line.close)
        await line.shows(f"of-{_name(0)}", within=_LOADED)
        line.press(b"2")
        await line.shows(f"{count} jobs on {count} VMs", within=_LOADED)
        opened = time.monotonic() - begin
        # Not the one on show, and none that the keys go to.
        os.kill(vms[-1].pid, signal.SIGSTOP)
        owner.callback(os.kill, vms[-1].pid, signal.SIGCONT)
        await asyncio.sleep(1.0)
        cpu, since = line.cpu_seconds(), time.monotonic()
        await asyncio.sleep(seconds)
        share = (line.cpu_seconds() - cpu) / (time.monotonic() - since)
        await to_screen(line, b"1", "of-")
        steps = await _step_through(line, count, min(keys, count - 2))
        rows = await _scroll(line, count, keys)
        jobs = await _scroll_jobs(line, keys)
        async with _storm(vms[: min(STORMING, count // 2)]) as tossed:
            begin = time.monotonic()
            stormed = await _scroll(line, count, keys)
            rate = sum(tossed) / (time.monotonic() - begin)
        typed = await _type(line, keys)
        resident = psutil.Process(line.process.pid).memory_info().rss
    what = f"{count} VMs, a job each, one of them hangs"
    return [
        Figure(what=f"{count} VMs found", value=looked, unit="s", reach=REACH_FOUND),
        Figure(what=f"all on the screen, {count} VMs", value=opened, unit="s", reach=REACH_OPEN),
        _figure(f"longest wait for the next VM, {what}", steps),
        _figure(f"longest wait for the next line, {what}", rows),
        _figure(f"longest wait for the next job, {what}", jobs),
        _figure(f"longest wait for a letter in the form, {what}", typed),
        _figure(f"longest wait for the next line, {what}, {rate:.0f} stops and starts/s", stormed),
        Figure(what=f"processor, {what}", value=100 * share, unit="%", reach=REACH_CPU),
        Figure(what=f"memory, {what}", value=resident / 1e6, unit="MB", reach=REACH_MB),
    ]


if __name__ == "__main__":
    run([measure])
