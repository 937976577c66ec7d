"""The process that draws the screen for the browsers."""

import asyncio

from textual_serve.app_service import AppService

from tui.terminal import BROWSER_DRIVER
from tui.web.driver import REPAINT

PATIENCE = 10.0
"""Seconds that it has to let go of the VM and end."""


class ScreenProcess(AppService):
    """A BlockDeck whose terminal is `BrowserDriver`.

    It calls `close` as soon as it leaves the screen, and again when it has ended, however that was.
    """

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environment = super()._build_environment(width, height)
        environment["TEXTUAL_DRIVER"] = BROWSER_DRIVER
        return environment

    async def run(self) -> None:
        """Pass on what it writes until it has ended."""
        try:
            await super().run()
        finally:
            await self.remote_close()

    async def repaint(self) -> None:
        """Have all of the screen drawn again."""
        await self.send_meta({"type": REPAINT})

    async def stop(self) -> None:
        """Have it quit, which no job minds, and wait for its end; it is killed if it hangs."""
        process, task = self._process, self._task
        if process is None or task is None:
            return
        await self._download_manager.cancel_app_downloads(self.app_service_id)
        try:
            async with asyncio.timeout(PATIENCE):
                await self.send_meta({"type": "quit"})
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await task
