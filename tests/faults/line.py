"""A line to a real monitor that can be halted, garbled and cut in the middle of everything."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path


class BadLine:
    """Passes on what both sides say, until it is told otherwise.

    Attributes:
        path: where it listens.
    """

    def __init__(self, monitor: Path) -> None:
        self.path = monitor.with_suffix(".bad")
        self._monitor = monitor
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self._clients: list[asyncio.StreamWriter] = []

    def halt(self) -> None:
        """Let nothing pass any more, in either direction; the line stays up."""
        self._goes_on.clear()

    def go_on(self) -> None:
        """Let pass what was held back, and what follows."""
        self._goes_on.set()

    def inject(self, raw: bytes) -> None:
        """Say something in QEMU's place."""
        self._clients[-1].write(raw)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until either side hangs up."""
        from_qemu, to_qemu = await asyncio.open_unix_connection(self._monitor)
        self._clients.append(writer)
        ways = (self._pass_on(reader, to_qemu), self._pass_on(from_qemu, writer))
        await asyncio.gather(*ways)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while raw := await source.read(65536):
                await self._goes_on.wait()
                sink.write(raw)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()


@contextlib.asynccontextmanager
async def bad_line(monitor: Path) -> AsyncIterator[BadLine]:
    """Stand between BlockDeck and a monitor."""
    line = BadLine(monitor)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(line.serve(reader, writer)))

    server = await asyncio.start_unix_server(accept, line.path)
    try:
        yield line
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        server.close()
        await server.wait_closed()
