"""Every screen looks as it did: a picture of each in three sizes is compared with the one kept.

After a change that was meant, `BLOCKDECK_PICTURES=new` in the environment keeps the new ones. The
pictures are looked at before they are committed.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.discovery.looking import scout
from tests.qemu import PC, QemuStarter, Vm
from tests.still import still, without_web_font
from tests.ui.deck import Deck, open_form
from tests.waiting import until
from tui.app import BlockDeckApp
from tui.qmp.address import UnixAddress
from tui.widgets.live_table import LiveTable

KEPT = Path(__file__).parent / "pictures"
SIZES = ((80, 24), (120, 40), (200, 60))
NEW = os.environ.get("BLOCKDECK_PICTURES") == "new"
_VERSION = re.compile(r"QEMU&#160;\d+\.\d+\.\d+")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory whose path has the same length each time."""
    with tempfile.TemporaryDirectory(prefix="blockdeck-demo-") as name:
        yield Path(name)


@pytest.fixture
async def vm(qemu: QemuStarter) -> Vm:
    """A VM that stands still: nothing on its screens moves by itself."""
    disk = "null-co,read-zeroes=on,size=67108864,node-name="
    words = [
        word
        for name in ("disk0", "disk1")
        for word in ("-blockdev", disk + name, "-device", f"virtio-blk-pci,drive={name},id={name}")
    ]
    vm = await qemu(*PC, "-name", "still", *words)
    for name in ("nightly", "weekly"):
        await vm.qmp("block-dirty-bitmap-add", node="disk0", name=name)
    return vm


class Album:
    """Compares what is on the screen with the pictures that are kept, all of one size."""

    def __init__(self, deck: Deck, size: tuple[int, int]) -> None:
        self.deck = deck
        self.different: list[str] = []
        self._suffix = f"{size[0]}x{size[1]}"

    async def compare(self, name: str) -> None:
        """Wait until the screen is as it was; note it where it never comes to be."""
        path = KEPT / f"{name}-{self._suffix}.svg"
        if NEW:
            KEPT.mkdir(exist_ok=True)
            path.write_text(await self._at_rest(), encoding="utf-8")
            return
        kept = path.read_text(encoding="utf-8") if path.is_file() else ""
        try:
            await until(lambda: self._shot() == kept, within=10)
        except AssertionError:
            there = Path(tempfile.gettempdir()) / f"blockdeck-different-{path.name}"
            there.write_text(self._shot(), encoding="utf-8")
            self.different.append(f"{path.name} is not as kept, see {there}")

    def _shot(self) -> str:
        shot = without_web_font(still(self.deck.app.export_screenshot(title="BlockDeck")))
        return _VERSION.sub("QEMU&#160;7.2.22", shot)

    async def _at_rest(self) -> str:
        """A new picture, once nothing has moved for some rounds."""
        last, same = "", 0
        while same < 20:
            await self.deck.settle()
            shot = self._shot()
            same = same + 1 if shot == last else 0
            last = shot
        return last


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_every_screen_looks_as_it_did(vm: Vm, place: Path, size: tuple[int, int]) -> None:
    backups = place / "backups"
    backups.mkdir()
    app = BlockDeckApp(
        UnixAddress(path=Path(vm.monitor)),
        directory=str(backups),
        state=place / "state",
        scout=scout(),
    )
    app.animation_level = "none"
    async with app.run_test(size=size) as pilot:
        deck = Deck(app, pilot)
        album = Album(deck, size)
        await deck.sees("disk0", "0 / 0")
        for key, name in (
            *(("1", "disks"), ("2", "jobs-empty"), ("3", "events-empty")),
            *(("4", "history-empty"), ("5", "chains-empty")),
        ):
            await deck.press(key)
            await album.compare(name)
        await deck.press("s")
        await deck.sees("Start a chain")
        await album.compare("choose-disks")
        await deck.press("escape", "1", "B")
        await until(lambda: app.screen.query_one(LiveTable).row_count == 2)
        await album.compare("bitmaps")
        await deck.press("escape", "L")
        await deck.settle()
        await until(lambda: "Looking" not in deck.screen)
        await album.compare("leftovers")
        await deck.press("escape", "question_mark")
        await deck.sees("Everywhere")
        await album.compare("keys")
        await deck.press("escape", "1")
        form = await open_form(deck, "disk0")
        await form.is_ready()
        await album.compare("form")
        await deck.press("home", *"relative")
        await until(lambda: not form.can_start)
        await until(lambda: form.status.startswith("Not yet"))
        await album.compare("form-mistake")
    assert album.different == []


def test_a_picture_that_is_not_kept_is_missed() -> None:
    names = {path.stem.rpartition("-")[0] for path in KEPT.glob("*.svg")}
    for name in names:
        for width, height in SIZES:
            assert (KEPT / f"{name}-{width}x{height}.svg").is_file()
    assert len(names) == 11
