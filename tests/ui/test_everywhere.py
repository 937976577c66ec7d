"""Keys, commands, leaving, and terminals of every size."""

from pathlib import Path

import pytest
from textual.binding import Binding
from textual.command import CommandPalette
from textual.errors import NoWidget
from textual.screen import Screen

from tests.images.chains import build
from tests.images.test_prune import POINTS
from tests.qemu import QemuStarter, Vm, qemu_img
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck, open_form
from tests.waiting import until
from tui.config import Settings
from tui.screens.backup import BackupScreen
from tui.screens.bitmaps import BitmapsScreen
from tui.screens.chains import ChainsScreen
from tui.screens.devices import DevicesScreen
from tui.screens.doctor import DoctorScreen
from tui.screens.events import EventsScreen
from tui.screens.fleet import FleetScreen
from tui.screens.history import HistoryScreen
from tui.screens.jobs import JobsScreen

MIB = 1 << 20


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with one disk full of data."""
    qemu_img("create", "-q", "-f", "qcow2", tmp_path / "disk.qcow2", "16M")
    vm = await qemu("-drive", f"if=none,id=d0,format=qcow2,file={tmp_path / 'disk.qcow2'}")
    await vm.write("d0", 0, 16 * MIB, 1)
    return vm


def acts(*sources: type) -> dict[str, Binding]:
    """What can be done on these, by what is said of it."""
    found = {}
    for source in sources:
        for binding in source.BINDINGS:  # type: ignore[attr-defined]  # App and Screen have it
            if isinstance(binding, Binding) and binding.tooltip:
                found[binding.tooltip] = binding
    return found


async def test_the_keys_page_lists_every_key(vm: Vm, open_deck: DeckOpener) -> None:
    async with open_deck(vm, (120, 160)) as deck:
        await deck.press("question_mark")
        await deck.sees("Everywhere", "Disks", "Backup form", "Jobs", "Events", "History")
        screens = (
            DevicesScreen,
            BackupScreen,
            JobsScreen,
            EventsScreen,
            HistoryScreen,
            ChainsScreen,
        )
        sources = (type(deck.app), *screens, BitmapsScreen, DoctorScreen, FleetScreen)
        for words, binding in acts(*sources).items():
            # The end of a long one hangs below its beginning.
            line = next(line for line in deck.screen.splitlines() if words[:50] in line)
            for single in Binding.make_bindings([binding]):
                assert deck.app.get_key_display(single) in line
        # As on a keyboard, and as the README has them.
        await deck.sees("Ctrl+L", "PgUp", "Home, g")
        await deck.press("escape")
        await deck.sees_no_more("Everywhere")


@pytest.mark.parametrize("width", [80, 200])
async def test_the_keys_page_begins_with_the_screen_it_was_asked_from(
    vm: Vm, open_deck: DeckOpener, width: int
) -> None:
    async with open_deck(vm, (width, 24)) as deck:
        await deck.press("2", "question_mark")
        await deck.sees("Keys", "Halt the highlighted job")
        lines = deck.screen.splitlines()
        title = next(at for at, line in enumerate(lines) if "│  Keys" in line)
        assert "│  Jobs" in lines[title + 2]


HEADS = ("Everywhere", "Chains")


async def test_the_keys_page_uses_the_room_and_keeps_its_column(
    vm: Vm, open_deck: DeckOpener
) -> None:
    async with open_deck(vm, (80, 24)) as deck:
        await deck.press("2", "question_mark")
        await deck.sees("Keys", "Slow the job down")
        lines = deck.screen.splitlines()
        at = next(i for i, line in enumerate(lines) if "Slow the job down" in line)
        # Its other half hangs below the words, not below the keys.
        column = lines[at].index("Slow")
        assert lines[at + 1][:column].strip(" │") == ""
        assert lines[at + 1][column] != " "
    async with open_deck(vm, (200, 60)) as deck:
        await deck.press("question_mark")
        await deck.sees("│  Disks", "Everywhere", "  Chains  ")
        places = {w: x.index(w) for x in deck.screen.splitlines() for w in HEADS if f"  {w}  " in x}
        assert places["Everywhere"] < 60 < places["Chains"]


@pytest.mark.parametrize(
    ("keys", "screen"),
    [
        (("1",), DevicesScreen),
        (("1", "b"), BackupScreen),
        (("2",), JobsScreen),
        (("3",), EventsScreen),
        (("4",), HistoryScreen),
        (("5",), ChainsScreen),
        (("0",), FleetScreen),
        (("L",), DoctorScreen),
        (("B",), BitmapsScreen),
    ],
)
async def test_the_palette_offers_every_act_of_the_screen(
    vm: Vm, open_deck: DeckOpener, keys: tuple[str, ...], screen: type[Screen[None]]
) -> None:
    for name in ("one", "two"):
        await vm.qmp("block-dirty-bitmap-add", node="d0", name=name)
    # There is something to be cleaned up.
    await vm.qmp("blockdev-add", driver="null-co", node_name="left-over")
    if screen is ChainsScreen:
        # What can be done to a chain is offered while there is one.
        build(open_deck.backups, POINTS[:1])
    async with open_deck(vm) as deck:
        await deck.sees("d0")
        await deck.press(*keys)
        await until(lambda: isinstance(deck.app.screen, screen))
        if screen is ChainsScreen:
            await deck.sees("1 point")
        if screen is DoctorScreen:
            await until(lambda: deck.column("Name") == ["left-over"])
        if screen is BitmapsScreen:
            await until(lambda: deck.column("Bitmap") == ["one", "two"])
        if screen is JobsScreen:
            # What can be done to a job is offered while there is one.
            target = str(open_deck.backups / "nightly")
            await vm.qmp("drive-backup", device="d0", job_id="nightly", sync="none", target=target)
            await until(lambda: deck.rows and deck.rows[0]["State"] == "running")
        if screen in (EventsScreen, HistoryScreen):
            target = str(open_deck.backups / "nightly")
            await vm.qmp("drive-backup", device="d0", job_id="nightly", sync="full", target=target)
            told = "BLOCK_JOB_COMPLETED" if screen is EventsScreen else "outcome    SUCCEEDED"
            await deck.sees(told)
        # Their keys are told behind what they do.
        commands = deck.app.get_system_commands(deck.app.screen)
        offered = {command.help.rpartition(" (")[0] for command in commands}
        wanted = acts(screen) if screen is BackupScreen else acts(screen, type(deck.app))
        # No point is being made.
        not_now = {"Cancel the point that is being made"} & set(wanted)
        assert (set(wanted) - not_now <= offered, not_now & offered) == (True, set())


async def test_a_command_of_the_palette_does_what_its_key_does(
    vm: Vm, open_deck: DeckOpener
) -> None:
    async with open_deck(vm) as deck:
        await deck.go_to_row("d0")
        await deck.press("ctrl+p")
        await until(lambda: isinstance(deck.app.screen, CommandPalette))
        await deck.press(*"back up")
        await deck.sees("Open the backup form for this disk (b)")
        await deck.press("enter")
        await deck.sees("Back up d0", "Target")


async def is_shown(deck: Deck, screen: type[Screen[None]]) -> None:
    await until(lambda: isinstance(deck.app.screen, screen))


@pytest.mark.parametrize(("key", "page"), [("L", DoctorScreen), ("B", BitmapsScreen)])
async def test_the_key_of_a_screen_shows_it_and_not_the_page_over_it(
    vm: Vm, open_deck: DeckOpener, key: str, page: type[Screen[None]]
) -> None:
    async with open_deck(vm) as deck:
        await deck.sees("d0")
        for *keys, shown in (
            (key, page),
            ("1", DevicesScreen),
            (key, page),
            ("2", JobsScreen),
            ("1", DevicesScreen),
            ("2", key, page),
            ("L", "B", "2", JobsScreen),
        ):
            await deck.press(*keys)
            await is_shown(deck, shown)
        assert len(deck.app.screen_stack) == 1


async def test_the_key_of_a_screen_gives_up_no_form_over_it(vm: Vm, open_deck: DeckOpener) -> None:
    # Keys that are no letters work on a form's choices as well.
    keys = {"app": {"show_jobs": "f8", "show_devices": "f9"}}
    async with open_deck(vm, settings=Settings(keys=keys)) as deck:
        form = await open_form(deck, "d0")
        await form.is_ready()
        await form.fill_in("target", "/a/path")
        # Where one types, the app has no keys.
        await form.go_to("format")
        for key, shown in (("f8", JobsScreen), ("f9", BackupScreen), ("f9", BackupScreen)):
            await deck.press(key)
            await is_shown(deck, shown)
        assert form.text("target") == "/a/path"


async def test_leaving_without_a_job_asks_nothing(vm: Vm, open_deck: DeckOpener) -> None:
    async with open_deck(vm) as deck:
        await deck.press("q")
        await until(lambda: not deck.app.is_running)
        assert deck.app.return_value == 0


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 60)], ids=str)
async def test_everything_is_reached_by_keys_on_a_terminal_of_any_size(
    vm: Vm, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    async with open_deck(vm, size) as deck:
        await until(lambda: deck.rows)
        for key in ("2", "3", "4", "1", "question_mark", "escape"):
            await deck.press(key)
        form = await open_form(deck, "d0")
        await form.is_ready()
        if size == (80, 24):
            await deck.press("f3")
        reached = []
        while form.focused not in reached:
            reached.append(form.focused)
            await until(lambda: is_in_view(deck))
            await deck.press("tab")
        assert set(reached) == {*form.fields, "start"}
        await deck.resize(size[1] * 2, size[0] // 2)
        await until(lambda: is_in_view(deck))


def is_in_view(deck: Deck) -> bool:
    """Whether the widget with the focus can be seen."""
    focused = deck.app.focused
    if focused is None:
        return False
    try:
        place = deck.app.screen.find_widget(focused)
    except NoWidget:
        # It is only about to be laid out.
        return False
    return place.region.intersection(place.clip).area > 0
