"""Regenerates `screenshots/` from the running demo: `python -m tests.screenshots`.

`--size 80x24`, `--scene disks` and `--into DIRECTORY` take fewer of them, elsewhere.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import resvg_py
from textual.pilot import Pilot

from tests.bench.pty import opened
from tests.discovery.looking import StillScout
from tests.discovery.starting import held_by_another, starting
from tests.still import still, still_at_work, still_cast, without_web_font
from tests.waiting import until
from tui.app import BlockDeckApp
from tui.chain.directory import chains_in
from tui.demo.fault_lab import FaultLab
from tui.demo.vm import DemoVm
from tui.images.seal import unsealed
from tui.qmp.address import UnixAddress
from tui.vm.snapshot import Outcome
from tui.widgets.chain_tree import ChainTree
from tui.widgets.line import Line
from tui.widgets.live_table import LiveTable

PICTURES = Path(__file__).resolve().parent.parent / "screenshots"
SIZES = {f"{width}x{height}": (width, height) for width, height in ((80, 24), (120, 40), (200, 60))}

Deck = Pilot[int]
Size = tuple[int, int]


class Camera:
    """Takes pictures of one app in one size."""

    def __init__(self, pilot: Deck, size: Size, album: Path) -> None:
        self.pilot = pilot
        self.taken: list[Path] = []
        self._album = album
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

    async def take(self, name: str, *, at_work: bool = False) -> None:
        """Write `name` as SVG; `at_work` if a backup is under way on it."""
        await self.pilot.pause()
        shot = self.app.export_screenshot(title="BlockDeck")
        svg = without_web_font(still_at_work(shot) if at_work else still(shot))
        path = self._album / f"{name}-{self._suffix}.svg"
        path.write_text(svg, encoding="utf-8")
        self.taken.append(path)
        print(path.name)


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
    async with app.run_test(size=size) as pilot:
        if vm is not None:
            await until(lambda: app.worker is not None and app.worker.snapshot.loaded)
            # Two looks at the counters make a throughput, also one of nothing.
            await until(lambda: any(d.throughput for d in app.worker.snapshot.devices))  # type: ignore[union-attr]
            await pilot.pause(0.6)
        taking = Camera(pilot, size, album)
        yield taking
    # That takes its time, which nothing that is under way has to wait for.
    for path in taking.taken:
        svg = path.read_text()
        png = resvg_py.svg_to_bytes(svg_string=svg, monospace_family="DejaVu Sans Mono")
        path.with_suffix(".png").write_bytes(bytes(png))


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
    await at.take("jobs-running", at_work=True)
    await at.press("c")
    await at.take("cancel-question", at_work=True)
    await at.press("escape", "1")
    await at.take("devices-busy", at_work=True)
    await at.press("2")
    ended = (Outcome.SUCCEEDED, Outcome.FAILED)
    await until(lambda: any(job.outcome in ended for job in worker.snapshot.jobs), 120)
    await at.pilot.pause(0.6)
    await at.take("jobs-done")


async def events(at: Camera) -> None:
    """What QEMU said meanwhile."""
    await at.press("3")
    await at.take("events")


async def history(at: Camera) -> None:
    """The reports of what has ended."""
    await at.press("4")
    await at.take("history")


async def bitmaps(at: Camera) -> None:
    """The dirty bitmaps, and what nobody uses."""
    await at.press("1", "B")
    await until(lambda: at.app.screen.query_one(LiveTable).row_count)
    await at.take("bitmaps")
    await at.press("escape", "L")
    await at.pilot.pause(0.6)
    await at.take("leftovers")
    await at.press("escape")


async def chains(at: Camera) -> None:
    """A chain with an increment, its verify and a restore."""
    directory = Path(at.app.directory or "")
    await at.press("5", "s")
    await at.take("chains-start")
    await at.press("f2")
    await until(lambda: has_points(directory, 1), 60)
    await at.press("home")
    await until(lambda: at.app.screen.query_one(ChainTree).spot is not None)
    await at.press("n")
    await until(lambda: has_points(directory, 2), 60)
    await at.pilot.pause(2.5)
    await at.press("home", "down")
    await at.take("chains")
    await at.press("v")
    await until(lambda: "SOUND" in status(at), 60)
    await at.take("verify")
    await at.press("escape", "e")
    await until(lambda: status(at).startswith("Ready."), 60)
    await at.take("restore")
    await at.press("escape", "p")
    await at.pilot.pause(0.6)
    await at.take("prune")
    await at.press("escape", "1")


def status(at: Camera) -> str:
    """What a page for images says of itself."""
    return next((line.text for line in at.app.screen.query("#act-status").results(Line)), "")


def has_points(directory: Path, count: int) -> bool:
    """Whether a chain has so many points, each with its checksums."""
    kept, _ = chains_in(directory)
    return any(
        len([point for point in one.chain.points if point.complete]) >= count
        and not unsealed(one.chain)
        for one in kept
    )


async def palette(at: Camera) -> None:
    """The fault lab in the palette."""
    await at.press("1", "ctrl+p", *"fault")
    await at.pilot.pause(0.6)
    await at.take("fault-lab")
    await at.press("escape")


async def job_page(at: Camera) -> None:
    """The page about a job."""
    await at.press("2", "home", "i")
    await at.take("job-page")
    await at.press("escape")


async def empty(at: Camera) -> None:
    """Screens on which nothing is yet."""
    for key, name in (
        *(("2", "jobs-empty"), ("3", "events-empty")),
        *(("4", "history-empty"), ("5", "chains-empty")),
    ):
        await at.press(key)
        await at.take(name)
    await at.press("1")


async def keys(at: Camera) -> None:
    """The page of all keys."""
    await at.press("question_mark")
    await at.take("keys")
    await at.press("escape")


async def connect(at: Camera) -> None:
    """The VMs of this host, the cursor on one whose monitor another client holds."""
    table = at.app.screen.query_one(LiveTable)
    await until(lambda: table.row_count == HOSTED)
    found = at.app.screen.query_one("#connect-found")
    await until(lambda: "free to connect" in str(found.render()))
    await at.press("down", "home", *["down"] * 3)
    await at.pilot.pause(0.6)
    await at.take("connect")


HOSTED = 4


@asynccontextmanager
async def host(directory: Path) -> AsyncIterator[None]:
    """A host with VMs whose monitors stand in different ways."""
    managed = directory / "libvirt/qemu/domain-1-db"
    managed.mkdir(parents=True)
    async with starting(directory) as start:
        for name in ("web", "mail"):
            await start("-name", name, "-qmp", f"unix:{directory / name}.qmp,server=on,wait=off")
        await start(
            *("-name", "guest=db"),
            *("-chardev", f"socket,id=charmonitor,path={managed}/monitor.sock,server=on,wait=off"),
            *("-mon", "chardev=charmonitor,mode=control"),
        )
        await start("-name", "build")
        with held_by_another(directory / "mail.qmp"):
            yield


STORY: tuple[Callable[[Camera], Awaitable[None]], ...] = (
    *(empty, disks, form, jobs, job_page, events, history, bitmaps, chains, palette, keys),
)


async def vms(at: Camera) -> None:
    """Several VMs side by side, and their list."""
    await until(lambda: all(worker.snapshot.loaded for worker in at.app.fleet.workers))
    await at.press("0")
    await at.pilot.pause(1.2)
    await at.take("vms")


async def tour(album: Path) -> None:
    """The tour, as a terminal shows it, for `asciinema play`."""
    cast = album / "tour.cast"
    cast.unlink(missing_ok=True)
    words = (sys.executable, "-m", "tui", "demo", "--tour", "--record", str(cast))
    with opened(120, 40) as (master, slave):
        process = subprocess.Popen(
            words, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        said = b""
        while b"The tour is over." not in said and b"got stuck" not in said:
            said = said[-200:] + await asyncio.to_thread(os.read, master, 65536)
        os.write(master, b"q")
        while process.poll() is None:
            await asyncio.to_thread(os.read, master, 65536)
    assert b"got stuck" not in said
    cast.write_text(still_cast(cast.read_text()))
    print(cast.name)


async def the_story(size: Size, album: Path, wanted: Collection[str] = ()) -> None:
    """Take the pictures of one size: all, or those of some scenes."""
    story = [scene for scene in STORY if not wanted or scene.__name__ in wanted]
    with tempfile.TemporaryDirectory() as state:
        if story:
            async with DemoVm.start(still=True) as vm, camera(size, album, Path(state), vm) as at:
                for scene in story:
                    await scene(at)
    # What is remembered of the demo would be listed beside the VMs of the host.
    with tempfile.TemporaryDirectory(prefix="blockdeck-host-") as state:
        directory = Path(state)
        if not wanted or "connect" in wanted:
            async with host(directory / "host"), camera(size, album, directory) as at:
                await connect(at)
        if not wanted or "vms" in wanted:
            async with DemoVm.start(still=True) as vm, host(directory / "beside"):
                beside = UnixAddress(path=directory / "beside/web.qmp")
                async with camera(size, album, directory, vm, beside) as at:
                    await vms(at)


async def main() -> None:
    """Take what is asked for: all pictures, in all three sizes, and a recording of the tour."""
    scenes = [scene.__name__ for scene in (*STORY, connect, vms, tour)]
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots")
    parser.add_argument("--size", choices=SIZES, action="append", help="all, if none is named")
    parser.add_argument("--scene", choices=scenes, action="append", help="all, if none is named")
    parser.add_argument("--into", type=Path, default=PICTURES, metavar="DIRECTORY")
    words = parser.parse_args()
    words.into.mkdir(exist_ok=True)
    for size in words.size or SIZES:
        await the_story(SIZES[size], words.into, words.scene or ())
    if not words.scene or "tour" in words.scene:
        await tour(words.into)


if __name__ == "__main__":
    asyncio.run(main())
