"""Regenerates `screenshots/` from the running demo: `python -m tests.screenshots`."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import resvg_py
from textual.pilot import Pilot

from tests.waiting import until
from tui.app import BlockDeckApp
from tui.demo.vm import DemoVm
from tui.qmp.address import UnixAddress
from tui.vm.snapshot import Outcome

PICTURES = Path(__file__).resolve().parent.parent / "screenshots"
SMALL = (80, 24)
LARGE = (120, 40)

Deck = Pilot[int]


class Camera:
    """Takes pictures of one app in one size."""

    def __init__(self, pilot: Deck, size: tuple[int, int]) -> None:
        self.pilot = pilot
        self._suffix = f"{size[0]}x{size[1]}"

    @property
    def app(self) -> BlockDeckApp:
        """The app in front of the camera."""
        assert isinstance(self.pilot.app, BlockDeckApp)
        return self.pilot.app

    async def press(self, *keys: str) -> None:
        """Press keys and let the screen settle."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def take(self, name: str) -> None:
        """Write `name` as SVG and PNG."""
        await self.pilot.pause()
        svg = _without_web_font(self.app.export_screenshot(title="BlockDeck"))
        path = PICTURES / f"{name}-{self._suffix}.svg"
        path.write_text(svg, encoding="utf-8")
        png = resvg_py.svg_to_bytes(svg_string=svg, monospace_family="DejaVu Sans Mono")
        path.with_suffix(".png").write_bytes(bytes(png))
        print(path.relative_to(PICTURES.parent))


def _without_web_font(svg: str) -> str:
    """The picture with the fonts of whoever looks at it, fetched from nowhere."""
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg)
    return re.sub(r"font-family:\s*[^;]*;", "font-family: monospace;", svg)


@asynccontextmanager
async def camera(
    size: tuple[int, int], state: Path, vm: DemoVm | None = None
) -> AsyncIterator[Camera]:
    """The app at work in front of a camera; on the connect screen without a VM."""
    address = UnixAddress(path=vm.monitor) if vm else None
    directory = str(vm.backups) if vm else None
    app = BlockDeckApp(address, directory=directory, state=state)
    async with app.run_test(size=size) as pilot:
        if vm is not None:
            await until(lambda: app.worker is not None and app.worker.snapshot.loaded)
            # Two looks at the counters make a throughput.
            await until(lambda: any(d.throughput for d in app.worker.snapshot.devices))  # type: ignore[union-attr]
            await pilot.pause(0.6)
        yield Camera(pilot, size)


async def disks(at: Camera) -> None:
    """The list, the cursor on the disk with bitmaps."""
    await at.press("down", "down")
    await at.take("devices")


async def form(at: Camera) -> None:
    """The form as it opens, with a mistake, and with everything unfolded."""
    await at.press("home", "b")
    await until(lambda: not at.app.screen.query_one("#start").disabled)
    await at.take("form")
    await at.press("home", *"relative")
    await until(lambda: at.app.screen.query_one("#start").disabled)
    await at.take("form-mistake")
    await at.press("escape")


async def jobs(at: Camera) -> None:
    """A backup of the slow disk at work, the question before cancelling it, and its end."""
    worker = at.app.worker
    assert worker is not None
    await at.press("home", "down", "down", "down", "b")
    await until(lambda: not at.app.screen.query_one("#start").disabled)
    await at.press("f2")
    await until(lambda: any(job.rate for job in worker.snapshot.live_jobs))
    await until(lambda: any((job.fraction or 0) > 0.02 for job in worker.snapshot.live_jobs))
    await at.pilot.pause(0.6)
    await at.take("jobs-running")
    await at.press("c")
    await at.take("cancel-question")
    await at.press("escape", "1")
    await at.take("devices-busy")
    await at.press("2")
    ended = (Outcome.SUCCEEDED, Outcome.FAILED)
    await until(lambda: any(job.outcome in ended for job in worker.snapshot.jobs), 120)
    await at.pilot.pause(0.6)
    await at.take("jobs-done")


async def events(at: Camera) -> None:
    """What QEMU said meanwhile."""
    await at.press("3")
    await at.take("events")


async def keys(at: Camera) -> None:
    """The page of all keys."""
    await at.press("question_mark")
    await at.take("keys")
    await at.press("escape")


async def connect(at: Camera) -> None:
    """The connect screen, with what is wrong about an address."""
    await at.press(*"/run/no-such-vm.qmp", "enter")
    await until(lambda: "Connecting" not in str(at.app.screen.query_one("#connect-error").render()))
    await at.pilot.pause(0.6)
    await at.take("connect")


STORY: tuple[Callable[[Camera], Awaitable[None]], ...] = (disks, form, jobs, events, keys)


async def main() -> None:
    """Take all pictures, in both sizes."""
    PICTURES.mkdir(exist_ok=True)
    for size in (SMALL, LARGE):
        with tempfile.TemporaryDirectory() as state:
            async with DemoVm.start() as vm, camera(size, Path(state), vm) as at:
                for scene in STORY:
                    await scene(at)
            async with camera(size, Path(state)) as at:
                await connect(at)


if __name__ == "__main__":
    asyncio.run(main())
