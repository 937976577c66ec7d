"""Serves the screen to browsers, by textual-serve, to those alone who came to it themselves.

A browser lets any page open a socket to any address. So a page of another origin is refused, and on
the loopback also a name that some DNS has given to it.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web
from aiohttp.typedefs import Handler, Middleware
from pydantic import ValidationError
from textual_serve.server import Server, to_int

from tui.web.showing import SMALLEST, Showing
from tui.web.viewer import SAID, Viewer, WindowSize

MOST_AT_ONCE = 32
"""Browsers that look on at the same time."""

HEARTBEAT = 15.0
"""Seconds between looks at whether a browser is still there."""

LAST_PATIENCE = 2.0
"""Seconds that browsers have to close when it ends."""

_log = logging.getLogger(__name__)

_TEMPLATES = Path(__file__).parent
_CONTENT = "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'"


class ScreenServer(Server):
    """Serves what a command shows; it is run once, for all who look on.

    Args:
        command: for a shell.
        host: the address or name to listen on.
        port: where to listen.
        told: called with the URL once it serves.
    """

    def __init__(self, command: str, host: str, port: int, told: Callable[[str], None]) -> None:
        super().__init__(
            command,
            host,
            port,
            title="BlockDeck",
            public_url=url_of(host, port),
            templates_path=_TEMPLATES,
        )
        self._told = told
        self._open = 0
        self._showing = Showing(command, self.download_manager)

    def initialize_logging(self) -> None:
        """Faults go to standard error."""
        logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")

    async def on_startup(self, app: web.Application) -> None:
        """Nothing is said before it listens."""

    async def on_shutdown(self, app: web.Application) -> None:
        """Nobody is left with a screen that has ended."""
        await self._showing.end()

    def serve(self, debug: bool = False) -> None:
        """Serve until a signal ends it.

        Raises:
            OSError: it cannot listen there.
        """
        self.initialize_logging()
        web.run_app(
            self._make_app(),
            host=self.host,
            port=self.port,
            # Called once, when it listens.
            print=lambda *_: self._told(self.public_url),
            access_log=None,
            shutdown_timeout=LAST_PATIENCE,
        )

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Show the screen to one browser until it goes, or the screen is left."""
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT)
        await socket.prepare(request)
        width, height = (
            to_int(request.query.get(name, ""), cells)
            for name, cells in zip(("width", "height"), SMALLEST, strict=True)
        )
        size = WindowSize(width=max(1, width), height=max(1, height))
        viewer = Viewer(socket, size, self._showing.repaint)
        sending = asyncio.create_task(viewer.send())
        try:
            await self._showing.join(viewer)
            await self._listen(socket, viewer)
        finally:
            await self._showing.leave(viewer)
            sending.cancel()
            await asyncio.wait([sending])
        return socket

    async def _listen(self, socket: web.WebSocketResponse, viewer: Viewer) -> None:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                said = SAID.validate_json(message.data)
            except ValidationError as error:
                # A hidden window has no size; nothing of it is worth ending a session for.
                _log.debug("Not understood from a browser: %s", error)
                continue
            await self._showing.obey(viewer, said)

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard())
        return app

    def _guard(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not self._is_ours(request):
                raise web.HTTPForbidden(text="Open this page by its own address.\n")
            if request.path != "/ws":
                response = await handler(request)
                response.headers["Content-Security-Policy"] = _CONTENT
                return response
            if self._open >= MOST_AT_ONCE:
                raise web.HTTPServiceUnavailable(text="Too many look on already.\n")
            self._open += 1
            try:
                return await handler(request)
            finally:
                self._open -= 1

        return guard

    def _is_ours(self, request: web.Request) -> bool:
        """Whether a request comes from a page of this very server, or from no page."""
        asked = request.headers.get("Host", "")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != asked:
            return False
        if not is_loopback(self.host):
            return True
        name = urlsplit(f"//{asked}").hostname or ""
        return is_loopback(name)


def url_of(host: str, port: int) -> str:
    """Where a browser finds what listens on an address; IPv6 goes into brackets (RFC 3986)."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether a name or an address is that of this host alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
