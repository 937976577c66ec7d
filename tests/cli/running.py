"""Runs `blockdeck` in a process of its own."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


@dataclass(frozen=True)
class Done:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which is one JSON value."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Standard output, which is one JSON value a line."""
        return [json.loads(line) for line in self.out.splitlines()]


async def start(*words: object, env: Mapping[str, str] | None = None, **streams: Any) -> Process:
    """Start `blockdeck`."""
    streams = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE, **streams}
    command = [sys.executable, "-m", "tui", *(str(word) for word in words)]
    environ = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environ, **streams)


async def finish(process: Process, given: str | bytes = b"") -> Done:
    """Give it standard input, wait for its end."""
    if isinstance(given, str):
        given = given.encode()
    out, err = await asyncio.wait_for(process.communicate(given), PATIENCE)
    assert process.returncode is not None
    return Done(process.returncode, (out or b"").decode(), (err or b"").decode())


async def blockdeck(
    *words: object, given: str | bytes = b"", env: Mapping[str, str] | None = None
) -> Done:
    """Run `blockdeck` to its end; it never shows a traceback."""
    done = await finish(await start(*words, env=env), given)
    assert "Traceback" not in done.err, done.err
    return done


async def next_line(process: Process) -> str:
    """The next line of standard output."""
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode()
