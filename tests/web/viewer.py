"""Somebody who looks at what is served, without a browser."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import aiohttp
import pyte

_PATIENCE = 20


class Viewer:
    """A browser without a picture: what it is sent is drawn by a terminal.

    Attributes:
        told: the messages to the page.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, size: tuple[int, int]) -> None:
        self.told: list[Any] = []
        self._socket = socket
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def text(self) -> str:
        """The screen."""
        return "\n".join(self._screen.display)

    async def sees(self, *texts: str) -> None:
        """Take what is sent until these are on the screen."""
        await self._take(lambda: all(text in self.text for text in texts), texts)

    async def is_told(self, *words: str) -> None:
        """Take what is sent until the page is told this."""
        await self._take(lambda: list(words) in self.told, words)

    async def draws(self, width: int, height: int) -> None:
        """Take what is sent until so many cells are drawn, and nothing beside them."""

        def fits() -> bool:
            # Every cell of the screen has a colour, and what lies beside it has none.
            screen = self._screen
            return all(
                (screen.buffer[row][column].bg != "default") == (row < height and column < width)
                for row in range(screen.lines)
                for column in range(screen.columns)
            )

        await self._take(fits, (width, height))

    async def leaves(self) -> None:
        """Close the window."""
        await self._socket.close()

    async def ends(self) -> None:
        """Take what is sent until the server closes."""
        async with asyncio.timeout(_PATIENCE):
            while (await self._socket.receive()).type is not aiohttp.WSMsgType.CLOSED:
                pass

    async def _take(self, so: Callable[[], bool], what: object) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                while not so():
                    message = await self._socket.receive()
                    if message.type is aiohttp.WSMsgType.TEXT:
                        self.told.append(message.json())
                        continue
                    assert message.type is aiohttp.WSMsgType.BINARY, (message, self.text)
                    self._stream.feed(message.data)
        except TimeoutError as error:
            raise AssertionError(f"{what} not on the screen:\n{self.text}") from error

    async def press(self, keys: str) -> None:
        """Type."""
        await self.says("stdin", keys)

    async def says(self, *words: object) -> None:
        """Send a message as the page does."""
        await self._socket.send_json(words)


@contextlib.asynccontextmanager
async def looking(
    url: str, size: tuple[int, int] = (100, 30), headers: Mapping[str, str] | None = None
) -> AsyncIterator[Viewer]:
    """Somebody who looks on, in a window of so many cells."""
    width, height = size
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/ws?width={width}&height={height}", headers=headers) as socket,
    ):
        yield Viewer(socket, size)
