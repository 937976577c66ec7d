"""A relay between BlockDeck and a QMP socket that notes what is asked."""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

_COMMAND = re.compile(rb'"execute": ?"([a-z_-]+)"')


class Relay:
    """Passes bytes on, both ways.

    Attributes:
        asked: how often each command came by.
        path: where it listens.
        goes_on: while it is not set, no question reaches QEMU but the negotiation.
    """

    def __init__(self, monitor: Path, path: Path) -> None:
        self.asked: Counter[str] = Counter()
        self.path = path
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self._monitor = monitor

    def was_asked(self, command: str, before: int) -> bool:
        """Whether a command came by more often than before."""
        return self.asked[command] > before

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until either side hangs up."""
        from_qemu, to_qemu = await asyncio.open_unix_connection(self._monitor)
        ways = [
            asyncio.create_task(self._pass_on(reader, to_qemu, count=True)),
            asyncio.create_task(self._pass_on(from_qemu, writer, count=False)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, to_qemu):
                end.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, count: bool
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if count:
                    named = [name.decode() for name in _COMMAND.findall(data)]
                    self.asked.update(named)
                    if named != ["qmp_capabilities"]:
                        await self.goes_on.wait()
                writer.write(data)
                await writer.drain()


@contextlib.asynccontextmanager
async def relay(monitor: Path, path: Path) -> AsyncIterator[Relay]:
    """A relay to `monitor` that listens on `path`."""
    one = Relay(monitor, path)
    serving: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(one.serve(reader, writer)))

    server = await asyncio.start_unix_server(accept, path)
    try:
        yield one
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await server.wait_closed()
