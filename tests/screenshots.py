"""Regenerates `screenshots/` from the running demo: `python -m tests.screenshots`.

`--size 80x24`, `--scene disks` and `--into DIRECTORY` take fewer of them, elsewhere.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Collection
from pathlib import Path

from tests.camera import Size, camera
from tests.reel import film_the_tour
from tests.scenes import STORY, captions, connect, host, rescue, vms
from tui.demo.vm import DemoVm
from tui.qmp.address import UnixAddress

CODE = Path(__file__).resolve().parent.parent
PICTURES = CODE / "screenshots"
SIZES = {f"{width}x{height}": (width, height) for width, height in ((80, 24), (120, 40), (200, 60))}


async def the_story(size: Size, album: Path, wanted: Collection[str] = ()) -> None:
    """Take the pictures of one size: all, or those of some scenes."""
    story = [scene for scene in STORY if not wanted or scene.__name__ in wanted]
    with tempfile.TemporaryDirectory() as state:
        if story:
            async with DemoVm.start(still=True) as vm, camera(size, album, Path(state), vm) as at:
                for scene in story:
                    await scene(at)
    for scene in (captions, rescue):
        if not wanted or scene.__name__ in wanted:
            with tempfile.TemporaryDirectory() as state:
                async with DemoVm.start() as vm, camera(size, album, Path(state), vm) as at:
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


async def tour(album: Path) -> None:
    """The tour, for `asciinema play`."""
    with tempfile.TemporaryDirectory() as state:
        reel = await film_the_tour(Path(state))
    reel.write(album / "tour.cast")
    print("tour.cast")


async def main() -> None:
    """Take what is asked for: all pictures, in all three sizes, and a recording of the tour."""
    scenes = [scene.__name__ for scene in (*STORY, captions, rescue, connect, vms, tour)]
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
