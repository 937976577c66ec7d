"""On the connect screen a host's address takes the place of this host's VMs by that one's."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.discovery.starting import Starter, qmp, starting
from tests.transports.over_ssh import HOST, know, ssh_server
from tests.transports.ports import free_port
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck
from tests.ui.test_found_vms import detail, has_looked
from tests.waiting import until
from tests.worker.disks import null
from tui.screens.connect import ConnectScreen
from tui.screens.devices import DevicesScreen

SMALL = (80, 24)


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Starter]:
    """`await start("-name", "web", ...)`; every QEMU is gone when the test ends."""
    async with starting(tmp_path) as starter:
        yield starter


async def ask(deck: Deck, port: int) -> None:
    """Type the host in, and wait for its VMs."""
    await has_looked(deck)
    await deck.fill_in(f"ssh://{HOST}:{port}")
    await deck.press("enter")
    await has_told(deck)


async def has_told(deck: Deck) -> None:
    """Wait until the other host's VMs are listed, and those that could be asked have answered."""
    await until(lambda: deck.line("connect-found").startswith(f"VMs on {HOST}: "))
    await until(lambda: "looking" not in deck.line("connect-found"))


async def go_to(deck: Deck, name: str) -> None:
    """Move down from the input to the row of a VM: all those of this machine are there."""
    await deck.press("down", "home")
    for _ in deck.rows:
        if deck.highlighted == name:
            return
        await deck.press("down")
    raise AssertionError(deck.screen)


async def is_connected(deck: Deck) -> None:
    """Wait for the screen of the disks, with the VM's own header."""
    await until(lambda: isinstance(deck.app.screen, DevicesScreen))
    await deck.sees("connected")


async def test_a_vm_of_another_host_is_two_keys_away(
    start: Starter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    name = f"web{os.getpid()}"
    path = tmp_path / "web.sock"
    await start("-name", name, *null(), *qmp(path))
    with ssh_server() as sshd:
        know(sshd)
        async with open_deck(size=SMALL) as deck:
            await ask(deck, sshd.port)
            await go_to(deck, name)
            assert f"ssh://{HOST}:{sshd.port}{path}" in detail(deck)
            assert deck.row(name)["Monitor"] in ("free", "no answer")
            while deck.row(name)["State"] == "-":
                # It may take longer to greet, on a machine that is busy, than a look waits for it.
                await deck.press("r")
                await until(lambda: deck.line("connect-found").startswith("Asking "))
                await has_told(deck)
            assert deck.row(name)["State"] == "prelaunch"
            assert "QEMU " in detail(deck)
            await deck.press("enter")
            await is_connected(deck)
            assert deck.vm.address == f"ssh://{HOST}:{sshd.port}{path}"
            assert [device.key for device in deck.vm.devices] == ["d0"]
            # It is known there as the one that is open.
            await deck.press("o")
            await until(lambda: deck.line("connect-found").startswith(f"VMs on {HOST}: "))
            await until(lambda: deck.row(name)["Monitor"] == "open here")


async def test_a_monitor_on_a_port_of_another_host_is_opened_alike(
    start: Starter, open_deck: DeckOpener
) -> None:
    name, number = f"web{os.getpid()}", free_port()
    await start("-name", name, *null(), "-qmp", f"tcp:127.0.0.1:{number},server=on,wait=off")
    with ssh_server() as sshd:
        know(sshd)
        address = f"ssh://{HOST}:{sshd.port}/127.0.0.1:{number}"
        async with open_deck(size=SMALL) as deck:
            await ask(deck, sshd.port)
            await go_to(deck, name)
            await until(lambda: address in detail(deck))
            await deck.press("enter")
            await is_connected(deck)
            assert deck.vm.address == address
            assert [device.key for device in deck.vm.devices] == ["d0"]


async def test_a_host_that_forwards_no_port_says_so_on_the_screen(
    start: Starter, open_deck: DeckOpener
) -> None:
    name, number = f"web{os.getpid()}", free_port()
    await start("-name", name, "-qmp", f"tcp:127.0.0.1:{number},server=on,wait=off")
    with ssh_server("AllowTcpForwarding no\n") as sshd:
        know(sshd)
        async with open_deck(size=SMALL) as deck:
            await ask(deck, sshd.port)
            await go_to(deck, name)
            await until(lambda: deck.row(name)["Monitor"] == "no permission")
            assert "does not let this user connect" in detail(deck)
            # Typed in, too; and what was typed stays.
            await deck.press("escape")
            address = f"ssh://{HOST}:{sshd.port}/127.0.0.1:{number}"
            await deck.fill_in(address)
            await deck.press("enter")
            await until(
                lambda: "does not let this user connect" in deck.line("connect-error"),
            )
            await until(lambda: "AllowTcpForwarding yes" in deck.line("connect-advice"))


async def test_there_is_a_way_back_to_this_host(
    start: Starter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    mine = f"mine{os.getpid()}"
    await start("-name", mine, *qmp(tmp_path / "mine.sock"))
    with ssh_server() as sshd:
        know(sshd)
        async with open_deck(size=SMALL) as deck:
            await ask(deck, sshd.port)
            await go_to(deck, mine)
            assert str(HOST) in detail(deck)
            # Looking again asks the same host.
            await deck.press("r")
            await until(lambda: deck.line("connect-found").startswith("Asking "))
            await has_told(deck)
            await deck.press("escape")
            await until(lambda: deck.line("connect-found").startswith("VMs on this host: 1, 1"))
            assert detail(deck).startswith(mine)
            assert str(HOST) not in detail(deck)
            assert isinstance(deck.app.screen, ConnectScreen)
            # The input is free for another address, and Enter there takes the highlighted VM.
            await deck.press("enter")
            await is_connected(deck)
            assert deck.vm.address == str(tmp_path / "mine.sock")


async def test_a_host_that_is_not_known_leaves_the_list_as_it_is(
    start: Starter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    await start("-name", "mine", *qmp(tmp_path / "mine.sock"))
    with ssh_server() as sshd:
        know(sshd, trusted=False)
        async with open_deck(size=SMALL) as deck:
            await has_looked(deck)
            await deck.fill_in(f"ssh://{HOST}:{sshd.port}")
            await deck.press("enter")
            await until(lambda: "not among your known hosts" in deck.line("connect-error"))
            assert f"ssh -p {sshd.port} {HOST} true" in " ".join(
                deck.line("connect-advice").split()
            )
            assert deck.line("connect-found").startswith("VMs on this host: 1")
            assert deck.column("VM") == ["mine"]
