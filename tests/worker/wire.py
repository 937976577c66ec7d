"""What a client says over QMP, overheard or answered by script, byte for byte."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

Command = dict[str, Any]


class Splitter:
    """Cuts a stream of JSON objects, which need not end their lines, into objects."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, raw: bytes) -> list[Command]:
        """The objects that are complete by now."""
        self._rest += raw.decode()
        found = []
        while text := self._rest.lstrip():
            try:
                value, end = json.JSONDecoder().raw_decode(text)
            except json.JSONDecodeError:
                break
            found.append(value)
            self._rest = text[end:]
        return found


class Overheard:
    """A socket that leads to a monitor, and all the commands that passed it.

    `before` is called with each command before QEMU gets it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commands: list[Command] = []
        self.before: Callable[[Command], None] = lambda _: None
        self.writers: list[asyncio.StreamWriter] = []

    def cut(self) -> None:
        """Break the line as a network does."""
        while self.writers:
            self.writers.pop().transport.abort()

    def names(self) -> list[str]:
        """The names of the commands so far."""
        return [command["execute"] for command in self.commands]

    def arguments(self, name: str) -> dict[str, Any]:
        """The arguments of the one command of that name."""
        (found,) = (c["arguments"] for c in self.commands if c["execute"] == name)
        assert isinstance(found, dict)
        return found


@contextlib.asynccontextmanager
async def overhear(monitor: Path, path: Path | None = None) -> AsyncIterator[Overheard]:
    """Stand between a client and a monitor, changing nothing."""
    overheard = Overheard(path or monitor.with_suffix(".tap"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter = Splitter()
        try:
            qemu_reader, qemu_writer = await asyncio.open_unix_connection(monitor)
        except OSError:
            writer.close()
            return
        overheard.writers += [writer, qemu_writer]

        def listen(raw: bytes) -> None:
            for command in splitter.feed(raw):
                overheard.before(command)
                overheard.commands.append(command)

        await asyncio.gather(
            _pass_on(reader, qemu_writer, listen), _pass_on(qemu_reader, writer, lambda _: None)
        )

    async with _serving(overheard.path, serve):
        yield overheard


async def _pass_on(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, listen: Callable[[bytes], None]
) -> None:
    try:
        while raw := await source.read(65536):
            listen(raw)
            sink.write(raw)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()


class Old:
    """A QEMU 5.2 as far as it matters: it dies of one question while a job is concluded."""

    def __init__(self, path: Path, jobs: list[dict[str, Any]]) -> None:
        self.path = path
        self.jobs = jobs
        self.commands: list[str] = []
        self.died = False
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Greet one client and answer it."""
        self._writer = writer
        triple = {"major": 5, "minor": 2, "micro": 0}
        self.say({"QMP": {"version": {"qemu": triple, "package": "old"}, "capabilities": []}})
        splitter = Splitter()
        with contextlib.suppress(ConnectionError):
            while not self.died and (raw := await reader.read(65536)):
                for command in splitter.feed(raw):
                    self.answer(command)
        writer.close()

    def say(self, message: object) -> None:
        """Send one message."""
        assert self._writer is not None
        self._writer.write(json.dumps(message).encode() + b"\r\n")

    def answer(self, command: Command) -> None:
        """Do as QEMU 5.2 does."""
        name = command["execute"]
        self.commands.append(name)
        if name == "query-named-block-nodes" and self.jobs:
            self.died = True
        if name == "job-dismiss":
            self.jobs.clear()
            job = command["arguments"]["id"]
            self.say({"event": "JOB_STATUS_CHANGE", "data": {"id": job, "status": "null"}})
        replies: dict[str, object] = {
            "query-name": {"name": "old"},
            "query-uuid": {"UUID": "00000000-0000-0000-0000-000000000000"},
            "query-status": {"status": "running", "running": True},
            "query-jobs": self.jobs,
            "x-debug-query-block-graph": {"nodes": [], "edges": []},
        }
        lists = ("query-block", "query-blockstats", "query-block-jobs", "query-qmp-schema")
        more = ("query-cpus-fast", "query-named-block-nodes")
        empty: object = [] if name in (*lists, *more) else {}
        self.say({"return": replies.get(name, empty), "id": command.get("id")})


@contextlib.asynccontextmanager
async def old_qemu(path: Path, jobs: list[dict[str, Any]]) -> AsyncIterator[Old]:
    """Serve as a QEMU 5.2 that has these jobs."""
    old = Old(path, jobs)
    async with _serving(path, old.serve):
        yield old


@contextlib.asynccontextmanager
async def silent(path: Path) -> AsyncIterator[Path]:
    """Serve as a QEMU that stops the moment it has agreed to talk."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        triple = {"major": 9, "minor": 0, "micro": 0}
        greeting = {"QMP": {"version": {"qemu": triple, "package": ""}, "capabilities": []}}
        writer.write(json.dumps(greeting).encode() + b"\r\n")
        splitter = Splitter()
        for command in splitter.feed(await reader.read(65536)):
            writer.write(json.dumps({"return": {}, "id": command.get("id")}).encode() + b"\r\n")
        while await reader.read(65536):
            pass
        writer.close()

    async with _serving(path, serve):
        yield path


@contextlib.asynccontextmanager
async def _serving(path: Path, serve: Any) -> AsyncIterator[None]:
    """Serve every client in a task of its own; all are over when this is left."""
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_unix_server(accept, path)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        server.close()
        await server.wait_closed()
