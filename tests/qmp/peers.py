"""Peers that say what no QEMU can be made to say: real sockets, scripted bytes."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

from tui.qmp.address import UnixAddress

GREETING = (
    b'{"QMP": {"version": {"qemu": {"micro": 2, "minor": 1, "major": 9}, "package": "peer"}, '
    b'"capabilities": []}}\r\n'
)


class Line:
    """The peer's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, raw: bytes) -> None:
        """Send these bytes."""
        self._writer.write(raw)
        await self._writer.drain()

    async def hear(self) -> dict[str, object]:
        """The next command. It has no end of line, and no test sends two at once."""
        heard = json.loads(await self._reader.read(65536))
        assert isinstance(heard, dict)
        return heard

    async def greet(self) -> None:
        """Open a session as QEMU does."""
        await self.say(GREETING)
        assert (await self.hear())["execute"] == "qmp_capabilities"
        await self.say(b'{"return": {}}\r\n')

    async def answer(self, replies: Mapping[str, str]) -> None:
        """Answer each of these commands once, in the order in which they come."""
        for _ in replies:
            heard = await self.hear()
            reply = f'{{"return": {replies[str(heard["execute"])]}, "id": "{heard["id"]}"}}\r\n'
            await self.say(reply.encode())

    async def hold(self) -> None:
        """Wait until the other side hangs up."""
        with contextlib.suppress(ConnectionError):
            while await self._reader.read(65536):
                pass

    async def hang_up(self) -> None:
        """Close the connection."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


Talk = Callable[[Line], Awaitable[None]]


@contextlib.asynccontextmanager
async def peer(path: Path, talk: Talk) -> AsyncIterator[UnixAddress]:
    """Serve a socket on which `talk` goes on with each client.

    Leaving it takes every client to have hung up: who leaves a connection open fails here.
    """
    talks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer)
        try:
            await talk(line)
        finally:
            await line.hang_up()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_unix_server(accept, path)
    try:
        yield UnixAddress(path=path)
        if talks:
            done, pending = await asyncio.wait(talks, timeout=5)
            assert not pending, "a connection was left open"
            for task in done:
                task.result()
    finally:
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        server.close()
        await server.wait_closed()


def says(raw: bytes) -> Talk:
    """A peer that sends these bytes to everyone and then waits."""

    async def talk(line: Line) -> None:
        await line.say(raw)
        await line.hold()

    return talk


def says_and_hangs_up(raw: bytes) -> Talk:
    """A peer that sends these bytes to everyone and closes the connection."""

    async def talk(line: Line) -> None:
        await line.say(raw)

    return talk


async def is_silent(line: Line) -> None:
    """A peer that never says a thing."""
    await line.hold()


async def guest_agent(line: Line) -> None:
    """A guest agent: it never speaks first, and it knows `guest-ping`."""
    assert (await line.hear())["execute"] == "guest-ping"
    await line.say(b'{"return": {}}\n')
    await line.hold()
