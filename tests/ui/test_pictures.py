"""Every screen looks as it did: a picture of each in three sizes is compared with the one kept.

After a change that was meant, `BLOCKDECK_PICTURES=new` in the environment keeps the new ones. The
pictures are looked at before they are committed.
"""

import importlib
import os
import pkgutil
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen

import tui.screens
from tests.discovery.looking import scout
from tests.qemu import PC, QemuStarter, Vm
from tests.still import still, without_web_font
from tests.ui.deck import Deck, open_form
from tests.waiting import until
from tui.app import BlockDeckApp
from tui.qmp.address import UnixAddress
from tui.screens.backup import BackupScreen
from tui.screens.bitmap_form import BitmapForm
from tui.screens.bitmap_merge import BitmapMerge
from tui.screens.bitmaps import BitmapsScreen
from tui.screens.chains import ChainsScreen
from tui.screens.choice_menu import ChoiceMenu
from tui.screens.choose_disks import ChooseDisks
from tui.screens.confirm import Confirm
from tui.screens.connect import ConnectScreen
from tui.screens.devices import DevicesScreen
from tui.screens.doctor import DoctorScreen
from tui.screens.easy import EasyScreen
from tui.screens.events import EventsScreen
from tui.screens.fleet import FleetScreen
from tui.screens.help import HelpScreen
from tui.screens.history import HistoryScreen
from tui.screens.job_page import JobPage
from tui.screens.jobs import JobsScreen
from tui.screens.path_prompt import PathPrompt
from tui.screens.prune import PruneScreen
from tui.screens.rescue import RescueScreen
from tui.screens.restore import RestoreScreen
from tui.screens.speed import SpeedScreen
from tui.screens.text_page import TextPage
from tui.screens.verb_menu import VerbMenu
from tui.screens.verify import VerifyScreen, VerifyStackScreen
from tui.widgets.live_table import LiveTable

Size = tuple[int, int]

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


PICTURED: dict[str, type[Screen[Any]]] = {
    "bitmaps": BitmapsScreen,
    "bitmap-form": BitmapForm,
    "bitmap-merge": BitmapMerge,
    "bitmap-question": Confirm,
    "chains-empty": ChainsScreen,
    "choice": ChoiceMenu,
    "choose-disks": ChooseDisks,
    "disks": DevicesScreen,
    "events-empty": EventsScreen,
    "form": BackupScreen,
    "form-mistake": BackupScreen,
    "history-empty": HistoryScreen,
    "jobs-empty": JobsScreen,
    "keys": HelpScreen,
    "leftovers": DoctorScreen,
    "path-prompt": PathPrompt,
    "text-page": TextPage,
}
"""The pictures, and the screen that each is of."""

NOT_PICTURED: dict[type[Screen[Any]], str] = {
    ConnectScreen: "tests/test_screenshots.py",
    EasyScreen: "tests/ui/test_care.py",
    FleetScreen: "tests/ui/test_everywhere.py",
    JobPage: "tests/ui/test_job_page.py",
    PruneScreen: "tests/ui/test_image_screens.py",
    RescueScreen: "tests/ui/test_rescue_screen.py",
    RestoreScreen: "tests/ui/test_image_screens.py",
    SpeedScreen: "tests/ui/test_job_verbs.py",
    VerbMenu: "tests/ui/test_job_verbs.py",
    VerifyScreen: "tests/ui/test_image_screens.py",
    VerifyStackScreen: "tests/ui/test_image_screens.py",
}
"""Screens with what no VM that stands still has, and what looks at them instead."""


class Album:
    """Compares what is on the screen with the pictures that are kept, all of one size."""

    def __init__(self, deck: Deck, size: tuple[int, int]) -> None:
        self.deck = deck
        self.different: list[str] = []
        self._suffix = f"{size[0]}x{size[1]}"

    async def compare(self, name: str) -> None:
        """Wait until the screen is as it was; note it where it never comes to be."""
        await until(lambda: isinstance(self.deck.app.screen, PICTURED[name]))
        await self.deck.settle()
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


@pytest.fixture
def opened(vm: Vm, place: Path) -> Callable[[Size], AbstractAsyncContextManager[Album]]:
    """`async with opened(size) as album:`: BlockDeck on that VM."""

    @asynccontextmanager
    async def open_album(size: Size) -> AsyncIterator[Album]:
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
            album = Album(Deck(app, pilot), size)
            await album.deck.sees("disk0")
            await until(lambda: album.deck.row("disk0")["Write/s"] == "0 B")
            yield album
        assert album.different == []

    return open_album


Opened = Callable[[Size], AbstractAsyncContextManager[Album]]


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_screens_look_as_they_did(opened: Opened, size: Size) -> None:
    async with opened(size) as album:
        deck = album.deck
        for key, name in (
            *(("1", "disks"), ("2", "jobs-empty"), ("3", "events-empty")),
            *(("4", "history-empty"), ("5", "chains-empty")),
        ):
            await deck.press(key)
            await album.compare(name)
        await deck.press("5", "s")
        await deck.sees("Start a chain")
        await album.compare("choose-disks")
        await deck.press("escape", "1", "L")
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


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_what_is_asked_looks_as_it_did(opened: Opened, size: Size) -> None:
    async with opened(size) as album:
        deck = album.deck
        await deck.press("B")
        await until(lambda: deck.app.screen.query_one(LiveTable).row_count == 2)
        await album.compare("bitmaps")
        for key, name in (("a", "bitmap-form"), ("m", "bitmap-merge"), ("c", "bitmap-question")):
            await deck.press(key)
            await album.compare(name)
            await deck.press("escape")
        await deck.press("escape", "1")
        screens: tuple[tuple[str, Screen[Any]], ...] = (
            ("path-prompt", PathPrompt(title="Whose image?", text="Its path.", start="/backup/")),
            ("text-page", TextPage("Text of others", '{\n  "id": "[b]job0[/b]"\n}')),
            ("choice", ChoiceMenu("Of which chain?", [("nightly", 1), ("[b]weekly[/b]", 2)])),
        )
        for name, screen in screens:
            await deck.app.push_screen(screen)
            await album.compare(name)
            await deck.press("escape")


def leaves(screen: type[Screen[Any]]) -> Iterator[type[Screen[Any]]]:
    """The screens of BlockDeck that no other stands on."""
    for one in screen.__subclasses__():
        below = list(leaves(one))
        yield from below
        if not below and one.__module__.startswith("tui.screens."):
            yield one


def test_every_screen_has_a_picture() -> None:
    for module in pkgutil.iter_modules(tui.screens.__path__):
        importlib.import_module(f"tui.screens.{module.name}")
    there = set(leaves(Screen))
    assert there == {*PICTURED.values(), *NOT_PICTURED}
    assert NOT_PICTURED.keys().isdisjoint(PICTURED.values())
    root = KEPT.parent.parent.parent
    assert all((root / there).is_file() for there in NOT_PICTURED.values())


def test_a_picture_that_is_not_kept_is_missed() -> None:
    names = {path.stem.rpartition("-")[0] for path in KEPT.glob("*.svg")}
    for name in names:
        for width, height in SIZES:
            assert (KEPT / f"{name}-{width}x{height}.svg").is_file()
    assert names == PICTURED.keys()
