"""The connect screen lists the VMs of this host, and Enter connects to the highlighted one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.discovery.starting import Starter, held_by_another, qmp, starting
from tests.ui.conftest import DeckOpener
from tests.ui.deck import USUAL, Deck
from tests.ui.test_foreign_text import CONTROLS, LONG, MARKUP, is_harmless
from tests.waiting import until
from tui.screens.connect import ConnectScreen
from tui.screens.devices import DevicesScreen
from tui.widgets.line import Line
from tui.widgets.live_table import LiveTable

SMALL, LARGE = (80, 24), (200, 50)
DISK = ("-blockdev", "null-co,node-name=disk0,read-zeroes=on,size=1048576")

SIZES = pytest.mark.parametrize("size", [SMALL, USUAL, LARGE], ids=str)


@pytest.fixture
async def start(alone: None, tmp_path: Path) -> AsyncIterator[Starter]:
    """`await start("-name", "web", ...)`; no other test looks at it, and it is gone at the end."""
    async with starting(tmp_path) as starter:
        yield starter


async def has_looked(deck: Deck) -> None:
    """Wait until the look at this host has ended."""
    await until(lambda: "ooking" not in deck.line("connect-found"))


def detail(deck: Deck) -> str:
    """What is told about the highlighted VM."""
    return deck.app.screen.query_one("#found-text", Line).text


async def go_to(deck: Deck, name: str) -> None:
    """From the input to the row of a VM."""
    await has_looked(deck)
    await deck.press("down", "home")
    for _ in deck.rows:
        if deck.highlighted == name:
            return
        await deck.press("down")
    raise AssertionError(deck.screen)


@SIZES
async def test_vms_are_listed_with_how_they_stand(
    start: Starter, open_deck: DeckOpener, tmp_path: Path, size: tuple[int, int]
) -> None:
    web = await start("-name", "web", *qmp(tmp_path / "web.sock"))
    await start("-name", "db", *qmp(tmp_path / "db.sock"))
    await start("-name", "mute")
    with held_by_another(tmp_path / "db.sock") as pid:
        async with open_deck(size=size) as deck:
            await has_looked(deck)
            await deck.sees("VMs on this host: 3, 1 of them free to connect to")
            rows = {row["VM"]: row for row in deck.rows}
            assert list(rows) == ["web", "db", "mute"]
            assert {name: row["Monitor"] for name, row in rows.items()} == {
                "db": "busy",
                "mute": "none",
                "web": "free",
            }
            assert rows["web"]["State"] == "prelaunch"
            assert rows["web"]["PID"] == str(web.pid)
            assert rows["web"]["Up"].endswith(" s")
            await go_to(deck, "db")
            await deck.sees("Held by", f"pid {pid}")
            await deck.sees("-qmp unix:", "db.qmp2,server=on,wait=off")
            await go_to(deck, "web")
            await until(lambda: str(tmp_path / "web.sock") in detail(deck))
            assert is_harmless(deck.screen)


@SIZES
async def test_enter_connects_to_the_highlighted_vm(
    start: Starter, open_deck: DeckOpener, tmp_path: Path, size: tuple[int, int]
) -> None:
    await start("-name", "db", *qmp(tmp_path / "db.sock"))
    await start("-name", "web", *DISK, *qmp(tmp_path / "web.sock"))
    async with open_deck(size=size) as deck:
        await go_to(deck, "web")
        await deck.press("enter")
        await deck.sees("disk0", "web", "connected")
        # Now it is held by this very process, and was used before.
        await deck.press("o")
        await until(lambda: isinstance(deck.app.screen, ConnectScreen))
        await has_looked(deck)
        await deck.sees("open here")
        await deck.press("escape")
        await deck.sees("disk0")


async def test_enter_without_an_address_takes_the_first_vm(
    start: Starter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    await start("-name", "web", *DISK, *qmp(tmp_path / "web.sock"))
    async with open_deck() as deck:
        await has_looked(deck)
        await deck.press("enter")
        await deck.sees("disk0")
        assert isinstance(deck.app.screen, DevicesScreen)


async def test_an_address_that_is_typed_counts_more_than_the_row(
    start: Starter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    await start("-name", "web", *qmp(tmp_path / "web.sock"))
    async with open_deck() as deck:
        await has_looked(deck)
        await deck.fill_in("/nowhere/vm.sock")
        await deck.press("enter")
        await until(lambda: "There is no directory" in deck.line("connect-error"))


async def test_looking_again_sees_what_has_come_and_gone(
    start: Starter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    first = await start("-name", "first")
    async with open_deck(size=SMALL) as deck:
        await has_looked(deck)
        assert deck.column("VM") == ["first"]
        await first.kill()
        await start("-name", "second", *qmp(tmp_path / "second.sock"))
        await deck.press("f5")
        await until(lambda: deck.column("VM") == ["second"])
        # In the list a letter does it too.
        await start("-name", "third")
        await deck.press("down", "r")
        await until(lambda: deck.column("VM") == ["second", "third"])


async def test_a_vm_that_ends_before_enter_is_said_to_have_ended(
    start: Starter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    await start("-name", "other", *qmp(tmp_path / "other.sock"))
    vm = await start("-name", "web", *qmp(tmp_path / "web.sock"))
    async with open_deck(size=SMALL) as deck:
        await go_to(deck, "web")
        await vm.kill()
        await deck.press("enter")
        await until(lambda: "Nobody listens" in deck.line("connect-error"))
        # The list is looked through again, and stays what the keys go to.
        await until(lambda: deck.column("VM") == ["other"])
        assert isinstance(deck.app.focused, LiveTable)
        await deck.press("enter")
        await until(lambda: isinstance(deck.app.screen, DevicesScreen))


async def test_what_gives_a_vm_a_monitor_is_copied(
    start: Starter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    await start("-name", "mute")
    await start("-name", "web", *qmp(tmp_path / "web.sock"))
    async with open_deck(size=SMALL) as deck:
        await go_to(deck, "mute")
        await deck.sees("y copies it")
        await deck.press("y")
        await deck.is_told("clipboard")
        assert deck.app.clipboard.startswith("-qmp unix:")
        assert deck.app.clipboard in detail(deck)
        # What has a monitor needs no remedy.
        await go_to(deck, "web")
        offered = {command.title for command in deck.app.get_system_commands(deck.app.screen)}
        assert "Copy" not in offered
        assert "Look" in offered


async def test_libvirt_is_explained(
    start: Starter, open_deck: DeckOpener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There is none behind this QEMU, and the library would start one.
    monkeypatch.setenv("LIBVIRT_AUTOSTART", "0")
    home = tmp_path / "libvirt/qemu/domain-1-web"
    home.mkdir(parents=True)
    log = tmp_path / "sent"
    path = home / "monitor.sock"
    await start(
        *("-name", "guest=web"),
        *("-chardev", f"socket,id=charmonitor,path={path},server=on,wait=off,logfile={log}"),
        *("-mon", "chardev=charmonitor,id=monitor,mode=control"),
    )
    async with open_deck(size=SMALL) as deck:
        await go_to(deck, "web")
        assert deck.row("web")["Monitor"] == "through libvirt"
        assert "never connected to" in detail(deck)
        await deck.press("enter")
        await until(lambda: "libvirt: " in deck.line("connect-error"))
        await deck.press("y")
        await deck.is_told("clipboard")
        assert "<qemu:commandline" in deck.app.clipboard
        assert isinstance(deck.app.screen, ConnectScreen)
        assert log.read_text() == ""


async def test_a_manager_s_own_monitor_that_is_typed_in_is_refused(open_deck: DeckOpener) -> None:
    async with open_deck(size=SMALL) as deck:
        await deck.fill_in("/run/qemu-server/100.qmp")
        await until(lambda: "never connected to" in deck.line("connect-advice"))
        await deck.press("enter")
        await until(lambda: "Proxmox VE's own monitor" in deck.line("connect-error"))
        assert "qm set VMID" in deck.line("connect-advice")
        assert isinstance(deck.app.screen, ConnectScreen)


@pytest.mark.parametrize("nasty", [MARKUP, CONTROLS, LONG], ids=lambda text: text[:8])
@SIZES
async def test_a_name_and_a_path_from_outside_are_only_text(
    start: Starter, open_deck: DeckOpener, tmp_path: Path, nasty: str, size: tuple[int, int]
) -> None:
    name = nasty[:200]
    directory = tmp_path / nasty[:20].replace("/", "|")
    directory.mkdir()
    await start("-name", f"guest={name.replace(',', ',,')}", *qmp(directory / "qmp"))
    async with open_deck(size=size, places=[tmp_path]) as deck:
        await has_looked(deck)
        await until(lambda: deck.rows and deck.rows[0]["Monitor"] == "free")
        assert is_harmless(deck.screen)
        await deck.press("enter")
        await deck.sees("connected")


async def test_dead_sockets_stand_below_the_vms(
    start: Starter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    dead = await start(*qmp(tmp_path / "a-vm.qmp"))
    await dead.kill()
    await start("-name", "web", *qmp(tmp_path / "web.qmp"))
    async with open_deck(size=LARGE, places=[tmp_path]) as deck:
        await has_looked(deck)
        assert deck.column("Monitor") == ["free", "dead"]
        assert "a-vm.qmp" in deck.rows[1]["VM"]


async def test_without_any_vm_it_says_so_and_takes_an_address(open_deck: DeckOpener) -> None:
    async with open_deck(size=SMALL) as deck:
        await deck.sees("No QEMU is seen to run on this host")
        await deck.press("down", "enter")
        await until(lambda: "Enter the path" in deck.line("connect-error"))


async def test_what_the_keys_page_says(open_deck: DeckOpener) -> None:
    async with open_deck(size=(120, 100)) as deck:
        await deck.press("f1")
        await deck.sees("Connect", "Look for the VMs of this host again", "r, F5", "y, F6")


# --- many ---------------------------------------------------------------------------------------


@SIZES
async def test_a_filter_shows_those_with_the_words(
    start: Starter, open_deck: DeckOpener, tmp_path: Path, size: tuple[int, int]
) -> None:
    uuid = "6f1ed2c1-8f0a-4d43-9c3c-0b1f5e3a2b11"
    for name in ("web-1", "web-2", "db-1"):
        await start("-name", name, *DISK, *qmp(tmp_path / f"{name}.sock"))
    await start("-name", "mute", "-uuid", uuid)
    async with open_deck(size=size) as deck:
        await has_looked(deck)
        await deck.press("down", "slash")
        await deck.paste("WEB free")
        await until(lambda: deck.column("VM") == ["web-1", "web-2"])
        await deck.sees("VMs on this host: 4, 3 of them free to connect to; 2 hidden by the filter")
        # Letters and signs are only text there, and Enter goes to the list and keeps it.
        await deck.press("enter")
        assert isinstance(deck.app.focused, LiveTable)
        assert deck.column("VM") == ["web-1", "web-2"]
        # A look does not lose it.
        await deck.press("r")
        await has_looked(deck)
        assert deck.column("VM") == ["web-1", "web-2"]
        await deck.press("escape")
        await until(lambda: len(deck.rows) == 4)
        # Also by uuid, which the pane has right below the name.
        await deck.press("slash")
        await deck.paste(uuid[:8])
        await until(lambda: deck.column("VM") == ["mute"])
        await deck.press("enter")
        await until(lambda: detail(deck).splitlines()[1].split() == ["uuid", uuid])
        await deck.press("slash")
        await deck.paste("x")
        await until(lambda: deck.rows == [])
        await deck.press("escape")
        await until(lambda: len(deck.rows) == 4)
        assert isinstance(deck.app.screen, ConnectScreen)


async def test_all_on_show_that_can_be_opened_are_marked_by_a_key(
    start: Starter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    for name in ("web-1", "web-2", "db-1"):
        await start("-name", name, *DISK, *qmp(tmp_path / f"{name}.sock"))
    await start("-name", "mute")
    late = tmp_path / "late.sock"
    await start("-name", "late", *qmp(late, wait="on"), ready=late)
    async with open_deck(size=SMALL) as deck:
        await has_looked(deck)
        await deck.press("down", "A")
        # Not the one without a monitor, and not the one that would be started by it.
        await until(lambda: marked(deck) == {"db-1", "web-1", "web-2"})
        assert deck.line("connect-advice") == "Enter opens the 3 VMs that are marked."
        await deck.press("A")
        assert marked(deck) == set()
        assert deck.line("connect-advice") == ""
        # With a filter only what is on show; what it hides later keeps its mark, and that is said.
        await deck.press("slash")
        await deck.paste("web")
        await until(lambda: len(deck.rows) == 2)
        await deck.press("enter", "A", "slash", "end", "ctrl+u")
        await deck.paste("web-1")
        await until(lambda: len(deck.rows) == 1)
        said = "Enter opens the 2 VMs that are marked, 1 of them hidden by the filter."
        await until(lambda: deck.line("connect-advice") == said)
        await deck.press("enter", "enter")
        await until(lambda: len(deck.app.fleet.workers) == 2)
        await until(lambda: all(w.snapshot.loaded for w in deck.app.fleet.workers))
        assert {w.snapshot.name for w in deck.app.fleet.workers} == {"web-1", "web-2"}


def marked(deck: Deck) -> set[str]:
    """The VMs with a mark."""
    return {name.removeprefix("* ") for name in deck.column("VM") if name.startswith("* ")}


async def test_nothing_is_marked_where_nothing_can_be_opened(
    start: Starter, open_deck: DeckOpener
) -> None:
    await start("-name", "mute")
    async with open_deck(size=SMALL) as deck:
        await has_looked(deck)
        await deck.press("down", "A")
        await deck.is_told("None of these VMs is free to connect to.")
        assert marked(deck) == set()


async def test_the_footer_has_room_for_what_can_be_done(
    start: Starter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    await start("-name", "web", *DISK, *qmp(tmp_path / "web.sock"))
    await start("-name", "mute")
    async with open_deck(size=SMALL) as deck:
        await go_to(deck, "mute")
        offered = "Space Mark A Mark all / Filter r Look y Copy 4 History ? Keys q Quit"
        await until(lambda: footer(deck) == offered)
        # Without a VM there is nothing to go to, neither by key nor by name.
        names = {command.title for command in deck.app.get_system_commands(deck.app.screen)}
        assert not names & {"Disks", "Jobs", "Events", "Chains", "Leftovers", "Bitmaps"}
        assert {"History", "Mark all", "Filter"} <= names
        await go_to(deck, "web")
        await deck.press("enter")
        await deck.sees("disk0", "connected", "1 Disks", "2 Jobs", "4-5 More")
        # With one the way back is offered, and the others by name.
        await deck.press("o")
        await until(lambda: isinstance(deck.app.screen, ConnectScreen))
        await go_to(deck, "mute")
        await until(lambda: footer(deck) == offered.replace("4 History", "Esc Back 1-5 Screens"))
        names = {command.title for command in deck.app.get_system_commands(deck.app.screen)}
        assert {"Disks", "Jobs", "Chains", "Leftovers"} <= names


def footer(deck: Deck) -> str:
    """The last line of the screen, as one reads it."""
    return " ".join(deck.screen.splitlines()[-1].split())


async def test_the_disks_stand_before_the_monitors_that_enter_would_not_take(
    start: Starter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.sock", tmp_path / "second.sock"
    (tmp_path / "disk.raw").touch()
    drive = f"file={tmp_path}/disk.raw,format=raw,if=none,id=d0"
    await start("-name", "web", "-drive", drive, *qmp(first), *qmp(second))
    async with open_deck(size=SMALL) as deck:
        await go_to(deck, "web")
        await until(lambda: str(second) in detail(deck))
        told = detail(deck)
        assert told.index(str(first)) < told.index("disk.raw") < told.index(str(second))


async def test_those_without_a_name_are_told_apart_by_their_disks(
    start: Starter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    for name in ("web", "db"):
        (tmp_path / f"{name}.raw").touch()
        drive = f"file={tmp_path}/{name}.raw,format=raw,if=none,id=d0"
        await start("-drive", drive, *qmp(tmp_path / f"{name}.sock"))
    await start(*qmp(tmp_path / "bare.sock"))
    async with open_deck() as deck:
        await has_looked(deck)
        names = {"web.raw (no name)", "db.raw (no name)", "(no name)"}
        await until(lambda: set(deck.column("VM")) == names)
