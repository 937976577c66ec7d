"""A browser that looks on: what it says, and what it is sent, at its own pace."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Literal

from aiohttp import ClientConnectionResetError, web
from pydantic import BaseModel, Field, TypeAdapter

BACKLOG = 64
"""Frames that may wait for a browser; beyond, they are dropped, and all is drawn anew for it."""


class WindowSize(BaseModel):
    """How many cells a browser's window has room for."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)


Said = (
    tuple[Literal["stdin"], str]
    | tuple[Literal["resize"], WindowSize]
    | tuple[Literal["ping"], str]
    | tuple[Literal["focus", "blur"]]
)
"""A message of textual-serve's page."""

SAID: TypeAdapter[Said] = TypeAdapter(Said)


class Viewer:
    """One browser.

    Attributes:
        size: of its window.
        behind: whether frames were dropped since all was drawn for it.

    Args:
        socket: to the browser.
        size: of its window to begin with.
        repaint: has all of the screen drawn again.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        size: WindowSize,
        repaint: Callable[[], Awaitable[None]],
    ) -> None:
        self.size = size
        self._socket = socket
        self._repaint = repaint
        self._waiting: deque[bytes | str | None] = deque()
        self._more = asyncio.Event()
        self.behind = False

    def show(self, frame: bytes) -> None:
        """Send what is drawn, or drop it while the browser cannot keep up."""
        if self.behind:
            return
        if len(self._waiting) < BACKLOG:
            self._put(frame)
        else:
            # Words are few, and none of them is repeated.
            words = [one for one in self._waiting if not isinstance(one, bytes)]
            self._waiting = deque(words)
            self.behind = True

    def tell(self, *words: str) -> None:
        """Send a message to the page."""
        self.pass_on(json.dumps(words))

    def pass_on(self, message: str) -> None:
        """Send a message that is JSON already."""
        self._put(message)

    def end(self) -> None:
        """Close it when it has got what waits for it."""
        self._put(None)

    def _put(self, what: bytes | str | None) -> None:
        self._waiting.append(what)
        self._more.set()

    async def send(self) -> None:
        """Send what waits, until the browser is gone or `end` is called."""
        try:
            while await self._more.wait():
                self._more.clear()
                while self._waiting:
                    what = self._waiting.popleft()
                    if what is None:
                        await self._socket.close()
                        return
                    if isinstance(what, str):
                        await self._socket.send_str(what)
                    else:
                        await self._socket.send_bytes(what)
                if self.behind:
                    self.behind = False
                    await self._repaint()
        except ClientConnectionResetError:
            # Who listens to it sees that it is gone.
            return
