"""Connecting: what is wrong stands under what was typed, which stays."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.discovery.looking import scout
from tests.line.proxy import relay
from tests.qemu import QemuStarter
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck
from tests.waiting import until
from tui.app import BlockDeckApp
from tui.qmp.address import UnixAddress
from tui.screens.connect import ConnectScreen
from tui.screens.devices import DevicesScreen

DISK = ("-blockdev", "null-co,node-name=disk0,read-zeroes=on,size=1048576")


async def connect(deck: Deck, address: str) -> None:
    await until(lambda: isinstance(deck.app.screen, ConnectScreen))
    await deck.fill_in(address)
    await deck.press("enter")


def typed(deck: Deck) -> str:
    return str(deck.app.screen.query_one("#monitor").value)  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def peer(path: Path, says: bytes) -> AsyncIterator[None]:
    """Something that listens, says this, and waits."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        with contextlib.suppress(ConnectionError):
            while await reader.read(1024):
                pass
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", "Enter the path of a QMP socket or HOST:PORT."),
        ("/nowhere/vm.sock", "There is no directory /nowhere."),
        ("localhost:1", "localhost:1"),
        ("localhost:99999", "port"),
        ("/" + "x" * 300, "107"),
    ],
)
async def test_what_is_wrong_stands_under_it(
    address: str, sentence: str, open_deck: DeckOpener
) -> None:
    async with open_deck() as deck:
        await connect(deck, address)
        await until(lambda: sentence in deck.line("connect-error"))
        assert typed(deck) == address


async def test_no_socket_at_all(open_deck: DeckOpener, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no socket")
    async with open_deck() as deck:
        await connect(deck, str(file))
        await until(lambda: "not a socket" in deck.line("connect-error"))
        assert typed(deck) == str(file)


async def test_other_protocols_are_recognised(open_deck: DeckOpener, tmp_path: Path) -> None:
    async with (
        peer(
            tmp_path / "hmp", b"QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) "
        ),
        peer(tmp_path / "garbage", b"\x00\x01\x1b[2J not a monitor\n"),
        open_deck() as deck,
    ):
        await connect(deck, str(tmp_path / "hmp"))
        await until(lambda: "human monitor" in deck.line("connect-error"))
        await connect(deck, str(tmp_path / "garbage"))
        await until(lambda: "does not speak QMP" in deck.line("connect-error"))
        assert "\x1b" not in deck.screen


async def test_a_busy_monitor_gets_the_advice_of_a_second_one(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    _reader, writer = await asyncio.open_unix_connection(vm.monitor)
    try:
        async with open_deck() as deck:
            await connect(deck, str(vm.monitor))
            await until(lambda: "another client" in deck.line("connect-error").lower())
            assert "-qmp unix:" in deck.line("connect-advice")
            assert typed(deck) == str(vm.monitor)
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.usefixtures("alone")
async def test_a_mistake_is_mended_and_the_monitor_is_remembered(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck() as deck:
        await connect(deck, f"{vm.monitor}x")
        await until(lambda: "There is no socket" in deck.line("connect-error"))
        await deck.press("end", "backspace", "enter")
        await until(lambda: isinstance(deck.app.screen, DevicesScreen))
        await deck.sees("disk0")
        await until(lambda: (open_deck.state / "memory.json").exists())
    async with open_deck() as deck:
        await deck.sees("free, recent")
        await deck.press("down", "enter")
        await deck.sees("disk0")


async def test_a_qemu_that_comes_back_is_found_again(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await vm.kill()
        await deck.sees("LOST, trying again")
        vm.monitor.unlink(missing_ok=True)
        again = ("-qmp", f"unix:{vm.monitor},server=on,wait=off")
        await qemu("-blockdev", "null-co,node-name=disk1,read-zeroes=on", *again)
        await deck.sees("disk1", "connected")


async def test_another_monitor_is_opened_with_o_and_escape_goes_back(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await deck.press("o")
        await deck.sees("Monitor of the VM to back up")
        await deck.press("escape")
        await deck.sees("disk0")


async def test_who_went_to_open_another_is_left_there_when_the_first_one_answers(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*DISK)
    async with relay(vm.monitor, tmp_path / "slow.qmp") as slow:
        slow.goes_on.clear()
        app = BlockDeckApp(
            UnixAddress(path=slow.path), state=tmp_path / "state", scout=scout(tmp_path)
        )
        async with app.run_test(size=(80, 24)) as pilot:
            deck = Deck(app, pilot)
            await until(lambda: slow.asked["qmp_capabilities"])
            await until(lambda: isinstance(app.screen, DevicesScreen))
            await deck.press("o")
            await until(lambda: isinstance(app.screen, ConnectScreen))
            slow.goes_on.set()
            # What is done when a VM has answered ends with remembering it.
            await until((tmp_path / "state/memory.json").exists)
            assert isinstance(app.screen, ConnectScreen)
            await deck.press("escape")
            await deck.sees("disk0", "connected")


async def test_help_lists_the_keys_and_the_palette_every_action(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm, (120, 130)) as deck:
        await deck.sees("disk0")
        await deck.press("question_mark")
        await deck.sees("Keys", "Everywhere", "Disks", "Backup form", "Jobs", "Events")
        await deck.sees("Open the backup form for this disk", "Start the backup")
        await deck.press("escape")
        offered = {command.title for command in deck.app.get_system_commands(deck.app.screen)}
    assert offered >= {"Back up", "Filter", "Sort", "Disks", "Jobs", "Events", "Keys", "Quit"}
    assert offered >= {"Refresh", "Open", "Theme"}
