"""`blockdeck check --batch`: many sets of arguments over one connection."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError
from typing import IO

from tui.backup.arguments import DRIVE_BACKUP, Json
from tui.backup.verdict import Finding, Severity, Verdict
from tui.backup.way import Way
from tui.cli.monitor import open_vm
from tui.cli.output import say_json
from tui.cli.words import How
from tui.qmp.address import MonitorAddress

LONGEST_LINE = 1 << 20
"""Bytes of a line that are read at the most; a longer one is answered as malformed."""

OLDEST_LOOK = 1.0
"""Seconds after which the VM is looked at again, however fast the lines come."""

_BACKLOG = 64


class _Malformed(ValueError):
    """A line is no JSON object; the message is for whoever wrote it."""


async def check_batch(address: MonitorAddress, how: How, *, read_only: bool = False) -> int:
    """Answer every line of standard input with a line, in order, until its end.

    Where nothing is said of it, each line is a `drive-backup`, whatever would be wiser.

    Raises:
        Failure: the monitor cannot be reached, or this QEMU does not know the way.
        QmpError: the connection was lost.
    """
    async with open_vm(address, read_only=read_only) as worker:
        way = how.way_of(worker, None) if how.way else Way.DRIVE
        command = how.command or DRIVE_BACKUP
        lines = _Lines(sys.stdin)
        looked = time.monotonic()
        while True:
            # Lines that were already there are judged by one look at the VM; whoever waits for an
            # answer before the next line may have changed the VM in between.
            fresh = lines.waiting or time.monotonic() - looked > OLDEST_LOOK
            line = await lines.next()
            if line is None:
                return 0
            if fresh:
                looked = time.monotonic()
            try:
                asked = parse_line(line)
                verdict = await worker.judge(asked, command=command, way=way, fresh=fresh)
            except _Malformed as problem:
                verdict = _rejected(str(problem))
            say_json({**verdict.model_dump(), "command": verdict.command or None})


def parse_line(line: bytes) -> Mapping[str, Json]:
    """The arguments on one line.

    Raises:
        ValueError: it is not one JSON object.
    """
    if len(line) > LONGEST_LINE:
        raise _Malformed(f"The line has more than {LONGEST_LINE} bytes.")
    try:
        value = json.loads(line, parse_constant=_no_constant)
    except RecursionError:
        raise _Malformed("The line is no JSON: it is nested too deeply.") from None
    except ValueError as error:
        raise _Malformed(f"The line is no JSON: {error}.") from error
    if not isinstance(value, dict):
        raise _Malformed("The line is JSON, but no object of arguments.")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _rejected(message: str) -> Verdict:
    finding = Finding(field=None, severity=Severity.REFUSES, rule="JSON", message=message)
    return Verdict(verdict="reject", findings=(finding,), command={})


class _Lines:
    """Lines of a stream, read by a thread: an event loop cannot wait for a regular file."""

    def __init__(self, stream: IO[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_BACKLOG)
        self._descriptor = stream.fileno()
        # A daemon: a read that never returns must not keep the program from ending.
        threading.Thread(target=self._read, name="standard input", daemon=True).start()

    @property
    def waiting(self) -> bool:
        """Whether no line has come yet."""
        return self._queue.empty()

    async def next(self) -> bytes | None:
        """The next line without its end; None after the last one."""
        return await self._queue.get()

    def _read(self) -> None:
        # Not sys.stdin's own buffer: Python would wait for its lock at the end.
        with open(self._descriptor, "rb", closefd=False) as stream:
            for line in iter(lambda: _line(stream), b""):
                if not self._put(line.rstrip(b"\r\n")):
                    return
        self._put(None)

    def _put(self, line: bytes | None) -> bool:
        """Hand a line over when there is room; False once nobody takes any more."""
        putting = self._queue.put(line)
        try:
            asyncio.run_coroutine_threadsafe(putting, self._loop).result()
        except (CancelledError, RuntimeError):
            # The event loop is ending, or has ended.
            putting.close()
            return False
        return True


def _line(stream: IO[bytes]) -> bytes:
    """One line; of one that is too long, enough to see that."""
    line = kept = stream.readline(LONGEST_LINE + 2)
    while line and not line.endswith(b"\n"):
        line = stream.readline(LONGEST_LINE)
    return kept
