"""Stands between BlockDeck and a real QEMU, and adds events that no QEMU sends on demand.

A process of its own, so that it takes no turn from who measures: `python -m tests.bench.injector
MONITOR PATH EVENTS JOBS RATE`. It begins when PATH.go is there, and writes PATH.done at the end.
With a RATE the jobs meet errors for as long as it takes; without one (0) as fast as it is read, and
of each of the jobs comes its whole life.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PAUSE = 0.01


def event(name: str, **data: Any) -> bytes:
    """As QEMU writes it, of this moment."""
    seconds, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
    spelled = {key.replace("_", "-"): value for key, value in data.items()}
    said = {
        "timestamp": {"seconds": seconds, "microseconds": microseconds},
        "event": name,
        "data": spelled,
    }
    return json.dumps(said).encode() + b"\r\n"


def flood(jobs: int) -> Iterator[bytes]:
    """Errors of jobs in turn, and among five events one that is like no other."""
    number = 0
    while True:
        for job in range(jobs):
            yield event("BLOCK_JOB_ERROR", device=f"backup{job}", operation="read", action="ignore")
            number += 1
            if number % 4 == 0:
                more = {"amount_exceeded": number, "write_threshold": 1}
                yield event("BLOCK_WRITE_THRESHOLD", node_name=f"node{number % 1600}", **more)


def day(events: int, jobs: int) -> Iterator[bytes]:
    """The lives of jobs, one after the other, with what else happens between."""
    others = max(0, events // jobs - 7)
    for number in range(jobs):
        name = f"day{number}"
        for status in ("created", "running"):
            yield event("JOB_STATUS_CHANGE", id=name, status=status)
        for other in range(others):
            if other % 2:
                yield event("BLOCK_JOB_ERROR", device=name, operation="write", action="ignore")
            else:
                more = {"amount_exceeded": number * others + other, "write_threshold": 1}
                yield event("BLOCK_WRITE_THRESHOLD", node_name=f"node{other}", **more)
        for status in ("waiting", "pending"):
            yield event("JOB_STATUS_CHANGE", id=name, status=status)
        told = {"device": name, "type": "backup", "speed": 0, "offset": 1, "len": 1}
        yield event("BLOCK_JOB_COMPLETED", **told)
        for status in ("concluded", "null"):
            yield event("JOB_STATUS_CHANGE", id=name, status=status)


async def inject(writer: asyncio.StreamWriter, path: Path, words: list[str]) -> None:
    """Wait for the start, send, say that all is sent."""
    count, jobs, rate = map(int, words)
    while not path.with_suffix(".go").exists():
        await asyncio.sleep(_PAUSE)
    source = flood(jobs) if rate else day(count, jobs)
    begin, sent = time.monotonic(), 0
    for one in source:
        writer.write(one)
        sent += 1
        if sent % 50 == 0:
            await writer.drain()
            if rate:
                await asyncio.sleep(max(0.0, begin + sent / rate - time.monotonic()))
        if sent == count:
            break
    await writer.drain()
    path.with_suffix(".done").write_text(str(sent))


async def serve(monitor: Path, path: Path, words: list[str]) -> None:
    """Serve the first client for as long as it stays."""
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_qemu, to_qemu = await asyncio.open_unix_connection(monitor, limit=32 << 20)

        async def outward() -> None:
            while raw := await reader.read(65536):
                to_qemu.write(raw)

        async def inward() -> None:
            # Whole lines: an injected one stands between two of QEMU's.
            while line := await from_qemu.readline():
                writer.write(line)

        tasks = [asyncio.create_task(outward()), asyncio.create_task(inward())]
        tasks.append(asyncio.create_task(inject(writer, path, words)))
        await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
        over.set()

    server = await asyncio.start_unix_server(talk, path)
    async with server:
        await over.wait()


class Injector:
    """That process, seen from the benchmark."""

    def __init__(self, monitor: Path, path: Path, *, events: int, jobs: int, rate: int = 0) -> None:
        self.path = path
        words = map(str, (monitor, path, events, jobs, rate))
        command = [sys.executable, "-m", "tests.bench.injector", *words]
        self.process = subprocess.Popen(command, cwd=Path(__file__).parents[2])

    def begin(self) -> None:
        """Send them now."""
        self.path.with_suffix(".go").touch()

    @property
    def sent(self) -> int:
        """How many were sent; 0 as long as they are not all."""
        done = self.path.with_suffix(".done")
        return int(done.read_text() or 0) if done.exists() else 0

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
