"""Takes pictures of BlockDeck at work, as SVG and PNG."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import resvg_py
from textual.pilot import Pilot
from textual.widgets import Input

from tests.discovery.looking import StillScout
from tests.steady import told
from tests.still import still, without_web_font
from tests.waiting import until
from tui.app import BlockDeckApp
from tui.demo.fault_lab import FaultLab
from tui.demo.vm import DemoVm
from tui.qmp.address import UnixAddress
from tui.widgets.line import Line

_MOST_LOOKS = 30

Deck = Pilot[int]
Size = tuple[int, int]


class Camera:
    """Takes pictures of one app in one size.

    Attributes:
        taken: the pictures, as SVG.
    """

    def __init__(self, pilot: Deck, size: Size, album: Path, vm: DemoVm | None = None) -> None:
        self.pilot = pilot
        self.taken: list[Path] = []
        self._vm = vm
        self._album = album
        self._suffix = f"{size[0]}x{size[1]}"

    @property
    def app(self) -> BlockDeckApp:
        """The app in front of the camera."""
        assert isinstance(self.pilot.app, BlockDeckApp)
        return self.pilot.app

    @property
    def vm(self) -> DemoVm:
        """The demo's VM that it is at work on."""
        assert self._vm is not None
        return self._vm

    @property
    def text(self) -> str:
        """What all lines of the screen say."""
        return "\n".join(line.text for line in self.app.screen.query(Line))

    async def press(self, *keys: str) -> None:
        """Press keys and let the screen settle."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def sees(self, words: str, within: float = 20) -> None:
        """Wait until a line of the screen says so."""
        await until(lambda: words in self.text, within)

    async def take(self, name: str) -> None:
        """Write `name` as SVG, once nothing moves any more."""
        for field in self.app.screen.query(Input):
            field.cursor_blink = False
        last, shot = "", await self._shot()
        for _ in range(_MOST_LOOKS):
            if shot == last:
                break
            last, shot = shot, await self._shot()
        else:
            raise AssertionError(f"{name} never comes to rest")
        path = self._album / f"{name}-{self._suffix}.svg"
        path.write_text(shot, encoding="utf-8")
        self.taken.append(path)
        print(path.name, flush=True)

    async def _shot(self) -> str:
        # Longer than it takes until the numbers are looked at anew.
        await self.pilot.pause(0.6)
        return without_web_font(still(self.app.export_screenshot(title="BlockDeck")))

    def develop(self) -> None:
        """Write each as PNG, too."""
        for path in self.taken:
            svg = path.read_text()
            png = resvg_py.svg_to_bytes(svg_string=svg, monospace_family="DejaVu Sans Mono")
            path.with_suffix(".png").write_bytes(bytes(png))


@asynccontextmanager
async def camera(
    size: Size, album: Path, state: Path, vm: DemoVm | None = None, *beside: UnixAddress
) -> AsyncIterator[Camera]:
    """The app at work in front of a camera; on the connect screen without a VM."""
    addresses = [UnixAddress(path=vm.monitor), *beside] if vm else []
    directory = str(vm.backups) if vm else None
    options: dict[str, Any] = {"directory": directory, "lab": FaultLab(vm.info) if vm else None}
    app = BlockDeckApp(*addresses, state=state, scout=StillScout(), **options)
    app.animation_level = "none"
    with told():
        async with app.run_test(size=size) as pilot:
            if vm is not None:
                await until(lambda: app.worker is not None and app.worker.snapshot.loaded)
                # Two looks at the counters make a throughput, also one of nothing.
                await until(lambda: any(d.throughput for d in app.worker.snapshot.devices))  # type: ignore[union-attr]
            taking = Camera(pilot, size, album, vm)
            yield taking
    # That takes its time, which nothing that is under way has to wait for.
    taking.develop()
