"""A line over something that is no plain socket: its bytes are handed on, both ways."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from tui.qmp.line import Line

logger = logging.getLogger(__name__)

_PIECE = 65536
_END_SECONDS = 0.4


class Source(Protocol):
    """Where bytes come from: the reading half of an asyncio or asyncssh stream."""

    async def read(self, n: int = -1, /) -> bytes:
        """The next bytes, b"" at the end."""


class Sink(Protocol):
    """Where bytes go: the writing half."""

    def write(self, data: bytes, /) -> None:
        """Take bytes to send."""

    async def drain(self) -> None:
        """Wait while too many are unsent."""


@dataclass(frozen=True)
class Far:
    """The far side of a relay.

    Attributes:
        source: what the monitor says.
        sink: what it is told.
        errors: what `source` and `sink` raise when the way breaks.
        explain: why it broke, in words for the operator; without an error, why it ended. Empty
            where the monitor itself hung up.
        close: ends it; may take its time, for it is cut short.
    """

    source: Source
    sink: Sink
    errors: tuple[type[Exception], ...]
    explain: Callable[[Exception | None], str]
    close: Callable[[], Awaitable[None]]


class Relay(Line):
    """One end of a pair of sockets; the other end is joined to the far side by a task."""

    def __init__(self, far: Far, *, advice: str = "") -> None:
        ours, self._near = socket.socketpair()
        for end in (ours, self._near):
            end.setblocking(False)
        super().__init__(ours, advice=advice)
        self._far = far
        self._unwanted = asyncio.Event()
        self._task = asyncio.create_task(self._join(), name="qmp relay")

    async def close(self) -> None:
        """Let go of both sides."""
        await super().close()
        self._unwanted.set()
        # It is not cancelled: its own end has deadlines, and leaves nothing behind.
        await asyncio.wait({self._task}, timeout=3 * _END_SECONDS)

    async def _join(self) -> None:
        ways = {asyncio.create_task(self._inward()), asyncio.create_task(self._outward())}
        unwanted = asyncio.create_task(self._unwanted.wait())
        try:
            await asyncio.wait({*ways, unwanted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*ways, unwanted):
                task.cancel()
            await asyncio.wait({*ways, unwanted}, timeout=_END_SECONDS)
            for way in ways:
                if way.done() and not way.cancelled() and (fault := way.exception()):
                    logger.error("A relay failed", exc_info=fault)
            # What was handed over before stays to be read, and then the end is seen.
            self._near.close()
            await self._end_far()

    async def _inward(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while raw := await self._far.source.read(_PIECE):
                await loop.sock_sendall(self._near, raw)
            self.broken = self._far.explain(None)
        except BrokenPipeError:
            return
        except self._far.errors as error:
            self.broken = self._far.explain(error)

    async def _outward(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while raw := await loop.sock_recv(self._near, _PIECE):
                self._far.sink.write(raw)
                await self._far.sink.drain()
        except self._far.errors as error:
            self.broken = self.broken or self._far.explain(error)

    async def _end_far(self) -> None:
        # What broke it has been told by whoever read or wrote; a far side that hangs is left.
        with contextlib.suppress(TimeoutError, *self._far.errors):
            async with asyncio.timeout(_END_SECONDS):
                await self._far.close()
