"""Runs `blockdeck` in a process of its own."""

import asyncio
import atexit
import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli import forking

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0

_IN_A_PIPE = 1 << 16
"""Bytes that a pipe takes before anybody reads it."""


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
    """Run `blockdeck` to its end; it never shows a traceback.

    Python reads parts of the environment when it starts: with one of its own it is started anew.
    """
    if isinstance(given, str):
        given = given.encode()
    if env or len(given) > _IN_A_PIPE:
        done = await finish(await start(*words, env=env), given)
    else:
        done = await forked("tui", *words, given=given)
    assert "Traceback" not in done.err, done.err
    return done


async def forked(module: str, *words: object, given: bytes = b"") -> Done:
    """Run a module as `python -m` does, in a process of its own that need not import all anew."""
    pipes = [os.pipe() for _ in range(4)]
    (stdin, give), *others = pipes
    os.write(give, given)
    os.close(give)
    streams = [stdin, *(write for _, write in others)]
    command = [module, *(str(word) for word in words)]
    forking.ask(_server(), command, {**os.environ, "LC_ALL": "C.UTF-8"}, ROOT, streams)
    for stream in streams:
        os.close(stream)
    async with contextlib.AsyncExitStack() as owner:
        out, err, told = [await _reader(owner, read) for read, _ in others]
        first = await told.readline()
        assert first, "the process that forks is gone"
        pid = int(first)
        try:
            async with asyncio.timeout(PATIENCE):
                said = await asyncio.gather(out.read(), err.read(), told.read())
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            raise
    return Done(int(said[2]), said[0].decode(), said[1].decode())


async def _reader(owner: contextlib.AsyncExitStack, pipe: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", buffering=0)
    )
    owner.callback(transport.close)
    return reader


@functools.cache
def _server() -> socket.socket:
    """The one that forks, for as long as this process lives."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.forking", str(theirs.fileno())],
            cwd=ROOT,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            pass_fds=[theirs.fileno()],
            # Pipes, as the commands have: Python looks at once whether it can seek in a stream.
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )

    def end() -> None:
        ours.close()
        process.communicate()

    atexit.register(end)
    return ours


async def next_line(process: Process) -> str:
    """The next line of standard output."""
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode()
