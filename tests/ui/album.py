"""Pictures of the screen, held against those that are kept.

After a change that was meant, `BLOCKDECK_PICTURES=new` in the environment keeps the new ones. The
pictures are looked at before they are committed.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.screen import Screen
from textual.widgets import Input

from tests.discovery.looking import StillScout
from tests.qemu import PC, QemuStarter, Vm
from tests.still import still, without_web_font
from tests.ui.deck import Deck
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
from tui.screens.text_page import FactsPage, TextPage
from tui.screens.verb_menu import VerbMenu
from tui.screens.verify import VerifyScreen, VerifyStackScreen

Size = tuple[int, int]

KEPT = Path(__file__).parent / "pictures"
SIZES = ((80, 24), (120, 40), (200, 60))
NEW = os.environ.get("BLOCKDECK_PICTURES") == "new"
_IDLE = ("0 B", "1.5 MiB")
"""What the guest writes a second: nothing, or what a test tells."""

_VERSION = re.compile(r"QEMU&#160;\d+\.\d+\.\d+")


PICTURED: dict[str, type[Screen[Any]]] = {
    "bitmaps": BitmapsScreen,
    "bitmap-form": BitmapForm,
    "bitmap-merge": BitmapMerge,
    "bitmap-question": Confirm,
    "cancel-question": Confirm,
    "chains": ChainsScreen,
    "chains-empty": ChainsScreen,
    "choice": ChoiceMenu,
    "choose-disks": ChooseDisks,
    "connect": ConnectScreen,
    "disks": DevicesScreen,
    "disks-busy": DevicesScreen,
    "easy": EasyScreen,
    "events": EventsScreen,
    "events-empty": EventsScreen,
    "form": BackupScreen,
    "form-mistake": BackupScreen,
    "history-empty": HistoryScreen,
    "job-page": JobPage,
    "jobs": JobsScreen,
    "jobs-empty": JobsScreen,
    "jobs-stopped": JobsScreen,
    "keys": HelpScreen,
    "leftovers": DoctorScreen,
    "palette": CommandPalette,
    "path-prompt": PathPrompt,
    "prune": PruneScreen,
    "report": FactsPage,
    "rescue": RescueScreen,
    "restore": RestoreScreen,
    "speed": SpeedScreen,
    "text-page": TextPage,
    "verb-menu": VerbMenu,
    "verify": VerifyScreen,
    "verify-images": VerifyStackScreen,
    "vms": FleetScreen,
}
"""The pictures, and the screen that each is of."""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory whose path has the same length each time."""
    with tempfile.TemporaryDirectory(prefix="blockdeck-demo-") as name:
        yield Path(name)


@pytest.fixture
async def vm(place: Path) -> AsyncIterator[Vm]:
    """A VM that stands still: nothing on its screens moves by itself."""
    disk = "null-co,read-zeroes=on,size=67108864,node-name="
    words = [
        word
        for name in ("disk0", "disk1")
        for word in ("-blockdev", disk + name, "-device", f"virtio-blk-pci,drive={name},id={name}")
    ]
    async with contextlib.AsyncExitStack() as owner:
        vm = await QemuStarter(place, owner)(*PC, "-name", "still", *words)
        for name in ("nightly", "weekly"):
            await vm.qmp("block-dirty-bitmap-add", node="disk0", name=name)
        yield vm


class Album:
    """Compares what is on the screen with the pictures that are kept, all of one size."""

    def __init__(self, deck: Deck, size: tuple[int, int]) -> None:
        self.deck = deck
        self.different: list[str] = []
        self._suffix = f"{size[0]}x{size[1]}"

    async def compare(self, name: str) -> None:
        """Wait until the screen is as it was; note it where it never comes to be."""
        await until(lambda: isinstance(self.deck.app.screen, PICTURED[name]))
        for field in self.deck.app.screen.query(Input):
            field.cursor_blink = False
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
        if self.deck.app.screen.is_modal:
            # Who reads its text has it rendered, and kept, without the screen behind it.
            self.deck.app.screen.refresh()
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
            scout=StillScout(),
        )
        app.animation_level = "none"
        async with app.run_test(size=size) as pilot:
            album = Album(Deck(app, pilot), size)
            await album.deck.sees("disk0")
            await until(lambda: album.deck.row("disk0")["Write/s"] in _IDLE)
            yield album
        assert album.different == []

    return open_album


Opened = Callable[[Size], AbstractAsyncContextManager[Album]]
