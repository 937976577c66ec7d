"""A browser that does not read, and a screen that does not end: neither holds up the others."""

import asyncio

import aiohttp
import pytest
from aiohttp import web
from textual_serve.download_manager import DownloadManager

from tests.waiting import until
from tui.web import process
from tui.web.process import ScreenProcess
from tui.web.viewer import BACKLOG, Viewer, WindowSize

_FRAME = b"x" * (64 << 10)


async def test_a_browser_that_does_not_read_gets_all_drawn_anew_when_it_does() -> None:
    viewers: list[Viewer] = []

    async def repaint() -> None:
        viewers[0].show(b"anew")

    async def look(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        viewers.append(Viewer(socket, WindowSize(width=80, height=24), repaint))
        await viewers[0].send()
        return socket

    application = web.Application()
    application.router.add_get("/", look)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://{host}:{port}/") as socket,
        ):
            await until(lambda: bool(viewers))
            sent = 0
            # What the kernel and aiohttp hold for one that does not read has its end.
            while not viewers[0].behind:
                viewers[0].show(_FRAME)
                sent += 1
                await asyncio.sleep(0)
            assert sent > BACKLOG
            viewers[0].tell("still", "told")
            got: list[object] = []
            while b"anew" not in got:
                got.append((await socket.receive(timeout=20)).data)
            assert '["still", "told"]' in got
            assert len(got) < sent
            assert not viewers[0].behind
            viewers[0].show(b"the next frame")
            viewers[0].end()
            assert (await socket.receive(timeout=20)).data == b"the next frame"
            assert (await socket.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE
    finally:
        await runner.cleanup()


async def test_a_screen_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PATIENCE", 0.2)
    left = asyncio.Event()

    async def nothing(_: object) -> None:
        pytest.fail("it draws nothing")

    async def leave() -> None:
        left.set()

    screen = ScreenProcess(
        "exec sleep 600",
        write_bytes=nothing,
        write_str=nothing,
        close=leave,
        download_manager=DownloadManager(),
    )
    await screen.start(80, 24)
    async with asyncio.timeout(20):
        await screen.stop()
    assert left.is_set()
