"""`blockdeck serve` in a real browser: headless Chromium, driven over its own protocol."""

import asyncio
import base64
import contextlib
import itertools
import os
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.qemu import QemuStarter
from tests.waiting import until_answered
from tests.web.serving import serving
from tests.web.viewer import looking

pytestmark = pytest.mark.slow

_BINARY = 2
"""The opcode of frames that hold no text."""


class Tab:
    """The one tab of a Chromium.

    Attributes:
        fetched: the URLs of all that the page has asked for.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.fetched: list[str] = []
        self._got = bytearray()
        self._socket = socket
        self._numbers = itertools.count(1)

    async def ask(self, method: str, **params: Any) -> Any:
        """A command of the DevTools protocol."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(30):
            while (said := await self._socket.receive_json()).get("id") != number:
                if said.get("method") == "Network.requestWillBeSent":
                    self.fetched.append(said["params"]["request"]["url"])
                if said.get("method") == "Network.webSocketCreated":
                    self.fetched.append(said["params"]["url"])
                if said.get("method") == "Network.webSocketFrameReceived":
                    frame = said["params"]["response"]
                    if frame["opcode"] == _BINARY:
                        self._got += base64.b64decode(frame["payloadData"])
        assert "error" not in said, said
        return said["result"]

    async def has_got(self, *texts: str) -> None:
        """Wait until the page was sent these texts."""

        async def look() -> bool:
            await self.tells("0")
            return all(text.encode() in self._got for text in texts)

        await until_answered(look)

    async def tells(self, expression: str) -> Any:
        """What an expression is in the page."""
        said = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        return said["result"].get("value")


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Tab]:
    """A Chromium with a profile of its own; it is gone at the end."""
    program = shutil.which("chromium")
    assert program, "chromium is not installed: scripts/setup.sh test"
    with tempfile.TemporaryDirectory(prefix="bd-web-", ignore_cleanup_errors=True) as profile:
        options = [
            *("--headless", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"),
            *("--disable-background-networking", "--window-size=1200,800"),
            # As root it cannot have a sandbox; it is shown our own page alone.
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            *("--disable-dev-shm-usage", f"--user-data-dir={profile}", "about:blank"),
        ]
        process = await asyncio.create_subprocess_exec(
            program, *options, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
        )
        try:
            assert process.stderr is not None
            async with asyncio.timeout(30):
                while b"DevTools listening on " not in (line := await process.stderr.readline()):
                    assert line, "Chromium has ended"
            port = line.decode().split("127.0.0.1:")[1].split("/")[0]
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    (page,) = [one for one in await answer.json() if one["type"] == "page"]
                async with session.ws_connect(
                    page["webSocketDebuggerUrl"], max_msg_size=0
                ) as socket:
                    tab = Tab(socket)
                    await tab.ask("Network.enable")
                    yield tab
        finally:
            process.kill()
            await process.communicate()


async def test_the_screen_is_drawn_in_a_browser_and_takes_keys(qemu: QemuStarter) -> None:
    vm = await qemu("-name", "shown", "-blockdev", "null-co,node-name=disk0,size=67108864")
    async with serving(vm.monitor) as url, chromium() as tab:
        await tab.ask("Page.navigate", url=url)
        await tab.has_got("shown", "disk0", "READ-ONLY")

        async def is_drawn() -> bool:
            shown = await picture(tab)
            await tab.tells("document.getElementById('terminal').style.visibility = 'hidden'")
            hidden = await picture(tab)
            await tab.tells("document.getElementById('terminal').style.visibility = ''")
            # Text makes a picture larger than an empty one.
            return len(shown) > 1.5 * len(hidden)

        await until_answered(is_drawn)
        for kind in ("mousePressed", "mouseReleased"):
            place = {"x": 600, "y": 500, "button": "left", "clickCount": 1}
            await tab.ask("Input.dispatchMouseEvent", type=kind, **place)
        await press(tab, "?")
        await tab.has_got("Everywhere")
        await press(tab, "?")
        await press(tab, "q")

        async def has_ended() -> bool:
            return bool(await tab.tells("document.body.classList.contains('-closed')"))

        await until_answered(has_ended)
        served = url.removeprefix("http://")
        assert all(address.split("/")[2] == served for address in tab.fetched), tab.fetched
        assert any(address.startswith("ws://") for address in tab.fetched)


async def test_a_later_browser_is_told_that_it_looks_on(qemu: QemuStarter) -> None:
    vm = await qemu("-name", "shown", "-blockdev", "null-co,node-name=disk0,size=67108864")
    async with serving(vm.monitor) as url, looking(url) as first, chromium() as tab:
        await first.sees("disk0", "connected")
        await tab.ask("Page.navigate", url=url)
        await tab.has_got("shown", "disk0", "READ-ONLY")

        async def is_told() -> bool:
            shown = "getComputedStyle(document.querySelector('.onlooker')).display"
            title = await tab.tells("document.title")
            return (await tab.tells(shown), title) == ("block", "BlockDeck (looking on)")

        await until_answered(is_told)
        await press(tab, "q")
        await first.press("?")
        await tab.has_got("Everywhere")
        assert not await tab.tells("document.body.classList.contains('-closed')")


async def press(tab: Tab, key: str) -> None:
    """A key, as a keyboard sends it."""
    for kind in ("keyDown", "keyUp"):
        text = {"text": key} if kind == "keyDown" else {}
        await tab.ask("Input.dispatchKeyEvent", type=kind, key=key, **text)


async def picture(tab: Tab) -> str:
    """A PNG in base 64."""
    return str((await tab.ask("Page.captureScreenshot", format="png"))["data"])
