"""Somebody who looks at what is served, without a browser."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pyte


class Viewer:
    """A browser without a picture: what it is sent is drawn by a terminal."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._screen = pyte.Screen(100, 30)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def text(self) -> str:
        """The screen."""
        return "\n".join(self._screen.display)

    async def sees(self, *texts: str) -> None:
        """Take what is sent until these are on the screen."""
        try:
            async with asyncio.timeout(20):
                while not all(text in self.text for text in texts):
                    message = await self._socket.receive()
                    assert message.type is aiohttp.WSMsgType.BINARY, (message, self.text)
                    self._stream.feed(message.data)
        except TimeoutError as error:
            raise AssertionError(f"{texts} not on the screen:\n{self.text}") from error

    async def press(self, keys: str) -> None:
        """Type."""
        await self._socket.send_json(["stdin", keys])


@contextlib.asynccontextmanager
async def looking(url: str, **headers: str) -> AsyncIterator[Viewer]:
    """Somebody who looks on."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/ws?width=100&height=30", headers=headers) as socket,
    ):
        yield Viewer(socket)
