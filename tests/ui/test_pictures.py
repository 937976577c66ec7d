"""Every screen looks as it did: a picture of each in three sizes is compared with the one kept.

After a change that was meant, `BLOCKDECK_PICTURES=new` in the environment keeps the new ones. The
pictures are looked at before they are committed.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from textual.screen import Screen

import tui.screens
from tests.ui.album import KEPT, PICTURED, SIZES, Opened, Size
from tests.ui.album import opened as opened
from tests.ui.album import place as place
from tests.ui.album import vm as vm
from tests.ui.deck import open_form
from tests.waiting import until
from tui.screens.choice_menu import ChoiceMenu
from tui.screens.path_prompt import PathPrompt
from tui.screens.text_page import FactsPage, TextPage
from tui.widgets.live_table import LiveTable


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_screens_look_as_they_did(opened: Opened, size: Size) -> None:
    async with opened(size) as album:
        deck = album.deck
        for key, name in (
            *(("1", "disks"), ("2", "jobs-empty"), ("3", "events-empty")),
            *(("4", "history-empty"), ("0", "vms"), ("5", "chains-empty")),
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
        await deck.press("escape", "1", "ctrl+p")
        await deck.sees("Open the backup form for this disk (b)")
        await album.compare("palette")
        await deck.press("escape")
        form = await open_form(deck, "disk0")
        await form.is_ready()
        await album.compare("form")
        await deck.press("home", *"relative")
        await until(lambda: not form.can_start)
        await until(lambda: form.status.startswith("Not yet"))
        await album.compare("form-mistake")


REPORT = """outcome    SUCCEEDED
target     /srv/backup/machines/with/a/rather/long/path/to/the/image-of-this-disk-20260131.qcow2
warning    The target lies on tmpfs, in memory: it is gone after a reboot. [VOLATILE]
arguments
  device    "disk0"
  auto-dismiss false
"""


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
            ("report", FactsPage("Backup of disk0", REPORT)),
            ("choice", ChoiceMenu("Of which chain?", [("nightly", 1), ("[b]weekly[/b]", 2)])),
        )
        for name, screen in screens:
            await deck.app.push_screen(screen)
            await album.compare(name)
            await deck.press("escape")
        await deck.press("o")
        await until(lambda: deck.app.screen.query_one(LiveTable).row_count == 1)
        await album.compare("connect")


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
    assert set(leaves(Screen)) <= set(PICTURED.values())


def test_a_picture_that_is_not_kept_is_missed() -> None:
    names = {path.stem.rpartition("-")[0] for path in KEPT.glob("*.svg")}
    for name in names:
        for width, height in SIZES:
            assert (KEPT / f"{name}-{width}x{height}.svg").is_file()
    assert names == PICTURED.keys()
