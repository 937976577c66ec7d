"""Starts a program such that a cancellation leaves neither it nor a riddle behind."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any


async def spawn(
    program: str | Path, *arguments: str | Path, **options: Any
) -> asyncio.subprocess.Process:
    """As `asyncio.create_subprocess_exec`, but a program that is just starting is killed in order.

    Cancelled in the middle of a start, asyncio reaps the child behind the back of its own watcher,
    which then complains of an unknown process.

    Raises:
        OSError: the program cannot be run.
    """
    starting = asyncio.create_task(
        asyncio.create_subprocess_exec(program, *arguments, **options), name=f"start {program}"
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # Where it cannot be run at all there is nothing to end.
        with contextlib.suppress(OSError):
            process = await starting
            await end(process)
        raise


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a program, unless it has ended, and wait for its end.

    `process.kill()` looks whether it has, and then reaps it behind the back of asyncio's watcher.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    await process.wait()
