"""One screen for all who look on: QMP takes one client at a time, so there is one process.

Its keys are with who came first. When they leave, nobody has the keys until the next one comes:
somebody who only looked on is not handed a VM without asking.
"""

import asyncio

from textual_serve.download_manager import DownloadManager

from tui.web.process import ScreenProcess
from tui.web.viewer import Said, Viewer

ONLOOKER = "onlooker"
"""What the page is told of whose keys do nothing."""

SMALLEST = (80, 24)
"""Cells below which no onlooker makes the screen smaller; who is at the keys may."""

LARGEST = (500, 200)


class Showing:
    """The screen and its audience; the process runs for as long as anybody looks.

    Args:
        command: what shows the screen, for a shell.
        downloads: of textual-serve.
    """

    def __init__(self, command: str, downloads: DownloadManager) -> None:
        self._command = command
        self._downloads = downloads
        self._process: ScreenProcess | None = None
        self._viewers: list[Viewer] = []
        self._at_keys: Viewer | None = None
        self._size = SMALLEST
        # Coming and going wait for one another: a new process finds its monitor free.
        self._turn = asyncio.Lock()

    async def join(self, viewer: Viewer) -> None:
        """Let a browser look on, the first one with the keys.

        Raises:
            OSError: there is no process to be had.
        """
        async with self._turn:
            if self._process is not None and not self._viewers:
                await self._process.stop()
                self._process = None
            self._viewers.append(viewer)
            if self._at_keys is None:
                self._at_keys = viewer
            else:
                viewer.tell(ONLOOKER)
            if self._process is None:
                self._size = self._smallest()
                self._process = self._new_process()
                await self._process.start(*self._size)
            else:
                await self._fit()
                await self._process.repaint()

    async def leave(self, viewer: Viewer) -> None:
        """Forget a browser; with the last one the process ends."""
        async with self._turn:
            if viewer in self._viewers:
                self._viewers.remove(viewer)
            if self._at_keys is viewer:
                self._at_keys = None
            if self._viewers:
                await self._fit()
            elif self._process is not None:
                await self._process.stop()
                self._process = None

    async def end(self) -> None:
        """End the process; everybody is told that the session has ended."""
        async with self._turn:
            if self._process is not None:
                await self._process.stop()

    async def repaint(self) -> None:
        """Draw all of the screen again."""
        if self._process is not None:
            await self._process.repaint()

    async def obey(self, viewer: Viewer, said: Said) -> None:
        """Do what a page asks for, keys only of the one who has them."""
        match said:
            case ("ping", when):
                viewer.tell("pong", when)
            case ("resize", size):
                viewer.size = size
                await self._fit()
            case _ if viewer is not self._at_keys or self._process is None:
                pass
            case ("stdin", keys):
                await self._process.send_bytes(keys.encode())
            case ("focus",):
                await self._process.focus()
            case ("blur",):
                await self._process.blur()

    # --- the size: what every window has room for -------------------------------------------------

    def _smallest(self) -> tuple[int, int]:
        width, height = LARGEST
        for viewer in self._viewers:
            least = (1, 1) if viewer is self._at_keys else SMALLEST
            width = min(width, max(viewer.size.width, least[0]))
            height = min(height, max(viewer.size.height, least[1]))
        return width, height

    async def _fit(self) -> None:
        size = self._smallest()
        if self._process is not None and size != self._size:
            self._size = size
            await self._process.set_terminal_size(*size)

    # --- the process ------------------------------------------------------------------------------

    def _new_process(self) -> ScreenProcess:
        return ScreenProcess(
            self._command,
            write_bytes=self._show,
            write_str=self._tell,
            close=self._left,
            download_manager=self._downloads,
        )

    async def _show(self, frame: bytes) -> None:
        for viewer in self._viewers:
            viewer.show(frame)

    async def _tell(self, words: str) -> None:
        # A file to save or a page to open are for who has asked for them.
        if self._at_keys is not None:
            self._at_keys.pass_on(words)

    async def _left(self) -> None:
        """The screen was left: all must go, and who comes next finds a new one."""
        viewers, self._viewers, self._at_keys = self._viewers, [], None
        for viewer in viewers:
            viewer.end()
