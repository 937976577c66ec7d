"""Runs `qemu-img`: with progress, with an end to waiting, and never left behind."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from tui.images.commands import Command
from tui.images.errors import ImageError, NoProgram
from tui.text import plain

log = logging.getLogger(__name__)

STALLED = 300.0
"""Seconds without progress and without a byte read or written after which qemu-img is ended."""

_LOOK_EVERY = 5.0
_DYING = 10.0
_MOST_KEPT = 1 << 20
_PROGRESS = re.compile(rb"\(\s*([0-9.]+)/100%\)")
_ENDS_PROGRESS = re.compile(rb"[\r\n]")


@dataclass(frozen=True, slots=True)
class Answer:
    """How `qemu-img` ended, and what it said beside its progress."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """Its first words about what went wrong, safe to show."""
        lines = [line.removeprefix("qemu-img: ") for line in self.err.splitlines() if line.strip()]
        said = next((line for line in lines if not line.startswith("warning:")), "")
        return plain(said, 400) or f"qemu-img ended with status {self.status}"


async def run(
    command: Command,
    on_progress: Callable[[float], None] | None = None,
    *,
    stalled: float = STALLED,
    most: int | None = None,
) -> Answer:
    """Run `qemu-img` to its end; cancelled, it is killed before the cancellation goes on.

    Args:
        command: its words, the program's name first.
        on_progress: is told how far it is, of 1.
        stalled: seconds after which a qemu-img that does nothing at all is given up.
        most: bytes of what it says that are kept, 1 MiB if not told.

    Raises:
        NoProgram: it is not installed.
        ImageError: it stalled.
    """
    environ = {**os.environ, "LC_ALL": "C"}
    try:
        # A session of its own: an interrupt of the terminal is dealt with here, and once.
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environ, start_new_session=True
        )
    except FileNotFoundError:
        raise NoProgram from None
    except OSError as error:
        raise ImageError(f"qemu-img cannot be run: {error.strerror}") from error
    pulse = _Pulse(process.pid, on_progress)
    assert process.stdout is not None
    assert process.stderr is not None
    reading = asyncio.gather(
        _read(process.stdout, pulse, most or _MOST_KEPT),
        _read(process.stderr, None, _MOST_KEPT),
        process.wait(),
    )
    try:
        while not (await asyncio.wait({reading}, timeout=min(_LOOK_EVERY, stalled)))[0]:
            if pulse.silence() > stalled:
                raise ImageError(
                    f"qemu-img did nothing for {stalled:.0f} s and was ended: "
                    f"{plain(' '.join(command), 200)}",
                    "See whether the storage answers.",
                )
        out, err, status = reading.result()
    finally:
        await _end(process, reading)
    return Answer(status, out, err)


async def _read(stream: asyncio.StreamReader, pulse: "_Pulse | None", most: int) -> str:
    """All that is said, without the progress; of very much only the beginning."""
    kept, rest = b"", b""
    while chunk := await stream.read(1 << 16):
        if pulse is None:
            kept = (kept + chunk)[:most]
            continue
        *whole, rest = _ENDS_PROGRESS.split(rest + chunk)
        for piece in whole:
            if found := _PROGRESS.search(piece):
                pulse.beat(float(found[1]) / 100)
            else:
                kept = (kept + piece + b"\n")[:most]
    return (kept + (rest if not _PROGRESS.search(rest) else b"")).decode(errors="replace")


async def _end(process: Process, reading: "asyncio.Future[tuple[str, str, int]]") -> None:
    """Leave no process and no task, whatever way it ends."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            # process.kill() may reap it behind the back of asyncio's watcher, which complains then.
            os.kill(process.pid, signal.SIGKILL)
        # What waits for a storage that does not answer cannot be killed, and is not waited for.
        done, _ = await asyncio.wait({reading}, timeout=_DYING)
        if not done:
            log.warning("qemu-img (process %d) does not end", process.pid)
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading


class _Pulse:
    """When a process last showed that it does something."""

    def __init__(self, pid: int, on_progress: Callable[[float], None] | None) -> None:
        self._pid = pid
        self._on_progress = on_progress
        self._last = time.monotonic()
        self._moved: tuple[int, ...] = ()

    def beat(self, fraction: float) -> None:
        self._last = time.monotonic()
        if self._on_progress is not None:
            self._on_progress(fraction)

    def silence(self) -> float:
        """Seconds in which it neither told of progress nor read nor wrote."""
        try:
            process = psutil.Process(self._pid)
            times = process.cpu_times()
            moved = (*process.io_counters()[:4], int(times.user * 100), int(times.system * 100))
        except psutil.Error:
            return time.monotonic() - self._last
        if moved != self._moved:
            self._moved = moved
            self._last = time.monotonic()
        return time.monotonic() - self._last
