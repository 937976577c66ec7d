"""What a real libvirt starts is found, its monitor is left to it, and there are two ways to one."""

import asyncio
import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import libvirt
import pytest

from tests.cli.running import blockdeck
from tests.discovery.looking import at
from tests.transports.conftest import libvirtd as libvirtd
from tests.transports.over_libvirt import Libvirtd, domain, domain_xml, pid_of
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck
from tests.ui.test_found_vms import go_to
from tests.waiting import until
from tui.discovery.command_line import CommandLine
from tui.discovery.models import FoundVm, Kind, Manager, MonitorState
from tui.discovery.processes import Found, find_processes
from tui.discovery.scout import Scout
from tui.discovery.through_libvirt import DEFAULT_URI, leads_to, monitor_through_libvirt
from tui.host.process import QemuProcess
from tui.qmp.address import LibvirtAddress, MonitorAddress, UnixAddress, caution
from tui.screens.connect import ConnectScreen
from tui.widgets.live_table import LiveTable

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)


@contextlib.contextmanager
def connected(daemon: Libvirtd) -> Iterator[libvirt.virConnect]:
    """A connection of the test's own."""
    connection = daemon.connect()
    try:
        yield connection
    finally:
        connection.close()


async def tainted(daemon: Libvirtd, name: str) -> list[str]:
    """What libvirt says of the domain's taint."""

    def messages() -> list[str]:
        with connected(daemon) as connection:
            kind = libvirt.VIR_DOMAIN_MESSAGE_TAINTING
            return list(connection.lookupByName(name).messages(kind))

    return await asyncio.to_thread(messages)


def only(pid: int) -> Scout:
    """A scout for one process; libvirt's QEMUs are no children of the test."""
    return Scout(places=(), wanted=lambda each: each == pid)


async def look(pid: int, *used: MonitorAddress) -> FoundVm:
    """The one VM that is found."""
    (vm,) = (await only(pid).look(used)).vms
    return vm


def address_of(daemon: Libvirtd, name: str) -> LibvirtAddress:
    return LibvirtAddress(uri=daemon.uri, domain=name)


# --- the way through libvirt --------------------------------------------------------------------


async def test_a_domain_is_offered_through_its_libvirt_and_a_look_does_not_taint(
    libvirtd: Libvirtd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DEFAULT_URI, libvirtd.uri)
    async with domain(libvirtd, name="a [b] ü&?") as (name, pid):
        vm = await look(pid)
        assert (vm.name, vm.manager) == (name, Manager.LIBVIRT)
        own, through = vm.monitors
        assert own.state is MonitorState.MANAGED
        assert isinstance(own.address, UnixAddress)
        assert own.address.path.name == "monitor.sock"
        if os.geteuid() == 0:
            assert own.holder is not None
            assert own.holder.program == "libvirtd"
        assert vm.best == through
        assert through.address == address_of(libvirtd, name)
        assert through.state is MonitorState.THROUGH_LIBVIRT
        assert caution(through.address) in through.sentence
        assert "tainted" in through.sentence
        assert vm.usable
        # The other way is still told.
        assert vm.remedy is not None
        assert "<qemu:commandline" in vm.remedy.text
        done = await blockdeck("discover", "--json", "--no-probe")
        (printed,) = (each for each in done.json["vms"] if each["pid"] == pid)
        assert printed["connect-to"] == str(through.address)
        assert await tainted(libvirtd, name) == []


async def test_a_domain_that_was_used_before_is_one_row(libvirtd: Libvirtd) -> None:
    async with domain(libvirtd) as (name, pid):
        identity = (await look(pid)).uuid
        assert identity is not None
        by_name = address_of(libvirtd, name)
        for spelled in (identity, identity.upper(), identity.replace("-", "")):
            by_uuid = address_of(libvirtd, spelled)
            # The one used last is what it is offered by.
            for used in ((by_name, by_uuid), (by_uuid, by_name)):
                vm = await look(pid, *used)
                assert vm.best is not None
                assert vm.best.address == used[0]
                assert vm.recent
        elsewhere = LibvirtAddress(uri="qemu+ssh://root@192.0.2.1/system", domain=name)
        found = await only(pid).look([by_name, elsewhere, address_of(libvirtd, "other")])
        said = [(vm.monitors[-1].state, vm.monitors[-1].sentence) for vm in found.vms]
        assert [state for state, _ in said] == [
            MonitorState.THROUGH_LIBVIRT,
            MonitorState.NOT_ASKED,
            MonitorState.NOT_ASKED,
        ]
        sentences = sorted(sentence for _, sentence in said[1:])
        assert sentences[0].startswith("It is another host's")
        assert sentences[1].startswith("No running domain of this host is seen to be this one.")
        assert await tainted(libvirtd, name) == []


@SIZES
async def test_enter_tells_of_the_taint_and_shows_the_disks(
    libvirtd: Libvirtd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setenv(DEFAULT_URI, libvirtd.uri)
    async with domain(libvirtd) as (name, pid), DeckOpener(tmp_path)(size=size) as deck:
        deck.app.scout = only(pid)
        await deck.press("f5")
        await until(lambda: deck.rows)
        await go_to(deck, name)
        assert deck.row(name)["Monitor"] == "through libvirt"
        await deck.sees("VMs on this host: 1, 0 of them free to connect to, 1 through libvirt")
        await deck.sees("as tainted", "(custom-monitor)")
        assert await tainted(libvirtd, name) == []
        await deck.press("enter")
        await deck.is_told(f"libvirt will mark the domain {name} as tainted")
        await deck.sees(" tainted ", "prelaunch", "connected")
        assert "custom monitor" in (await tainted(libvirtd, name))[0]
        # The open one is shown as such, and Enter goes back to it.
        await deck.press("o")
        await until(lambda: isinstance(deck.app.screen, ConnectScreen))
        await until(lambda: deck.row(name)["Monitor"] == "open here")
        await go_to(deck, name)
        await deck.press("enter")
        await deck.sees(" tainted ", "connected")
        assert len(deck.app.fleet.workers) == 1


async def test_marks_tell_of_the_taint_of_all_before_they_are_opened(
    libvirtd: Libvirtd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DEFAULT_URI, libvirtd.uri)
    async with (
        domain(libvirtd) as (one, pid),
        domain(libvirtd) as (other, second),
        DeckOpener(tmp_path)() as deck,
    ):
        deck.app.scout = Scout(places=(), wanted=lambda each: each in (pid, second))
        await deck.press("f5")
        await until(lambda: len(deck.rows) == 2)
        await deck.press("down")
        await mark(deck, one)
        assert f"mark the domain {one} as tainted" in deck.line("connect-advice")
        await mark(deck, other)
        said = deck.line("connect-advice")
        assert said.startswith("Enter opens the 2 VMs that are marked. libvirt will mark 2 domains")
        assert one in said
        assert other in said
        assert await tainted(libvirtd, one) == await tainted(libvirtd, other) == []
        await deck.press("enter")
        await deck.is_told("libvirt will mark 2 domains", one, other)
        await until(lambda: all(w.snapshot.loaded for w in deck.app.fleet.workers))
        assert len(deck.app.fleet.workers) == 2


async def mark(deck: Deck, name: str) -> None:
    """Put the cursor on a row and mark it."""
    assert isinstance(deck.app.focused, LiveTable)
    await deck.press("home")
    while deck.highlighted != name:
        await deck.press("down")
    await deck.press("space")


async def test_only_the_libvirt_that_started_a_domain_is_taken_for_it(
    libvirtd: Libvirtd, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with domain(libvirtd) as (name, pid):
        (found,) = find_processes(lambda each: each == pid)
        elsewhere = libvirtd.there / "home/no-socket"
        for uri in (
            "qemu:///system",
            libvirtd.uri.replace("session", "system"),
            f"qemu+unix:///session?socket={elsewhere}",
            "qemu+ssh://root@192.0.2.1/session",
        ):
            assert not leads_to(LibvirtAddress(uri=uri, domain=name), found)
        assert not leads_to(address_of(libvirtd, f"{name}x"), found)
        assert not leads_to(LibvirtAddress(uri=libvirtd.uri), found)
        assert leads_to(address_of(libvirtd, name), found)


def started(uid: int, directory: str) -> Found:
    """A domain, by what its process and its command line tell."""
    process = QemuProcess(
        pid=1,
        created=0,
        name="qemu",
        cmdline=(),
        uid=uid,
        gid=uid,
        groups=(),
        cwd="/",
        same_mount_namespace=True,
        overrides_permissions=False,
    )
    line = CommandLine(name="web", libvirt_directory=directory)
    return Found(process=process, kind=Kind.VM, line=line, stopped=False)


@pytest.mark.parametrize(
    ("uid", "directory", "uri"),
    [
        (0, "/var/lib/libvirt/qemu/domain-1-web", "qemu:///system"),
        (12345, "/var/lib/libvirt/qemu/domain-1-web", "qemu:///system"),
        (0, "", "qemu:///system"),
        (os.geteuid(), "/home/me/.config/libvirt/qemu/lib/domain-1-web", "qemu:///session"),
        (12345, "/home/you/.config/libvirt/qemu/lib/domain-1-web", None),
        (12345, "", None),
    ],
)
def test_system_and_session_are_told_apart(uid: int, directory: str, uri: str | None) -> None:
    through = monitor_through_libvirt(started(uid, directory), ())
    if uri is None:
        assert through is None
    else:
        assert through is not None
        assert through.address == LibvirtAddress(uri=uri, domain="web")


def test_a_uri_of_libvirt_s_own_variable_counts_where_it_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = started(0, "/var/lib/libvirt/qemu/domain-1-web")
    for uri, counts in (
        ("qemu+unix:///system", True),
        ("qemu:///session", False),
        ("qemu+ssh://host/system", False),
        ("nonsense", False),
        ("", False),
    ):
        monkeypatch.setenv(DEFAULT_URI, uri)
        through = monitor_through_libvirt(found, ())
        assert through is not None
        expected = uri if counts else "qemu:///system"
        assert through.address == LibvirtAddress(uri=expected, domain="web")


# --- a monitor of one's own ---------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
async def test_the_remedy_gives_a_domain_a_monitor_of_one_s_own(libvirtd: Libvirtd) -> None:
    name, identity = f"real [x] {uuid.uuid4().hex[:8]}", str(uuid.uuid4())

    def define_and_start(change: Callable[[str], str] = lambda xml: xml) -> None:
        with connected(libvirtd) as connection:
            connection.defineXML(change(domain_xml(name, identity))).create()

    def destroy() -> None:
        with connected(libvirtd) as connection:
            connection.lookupByName(name).destroy()

    await asyncio.to_thread(define_and_start)
    try:
        vm = await look(pid_of(identity))
        assert (vm.name, vm.uuid) == (name, identity)
        remedy = vm.remedy
        assert remedy is not None
        await asyncio.to_thread(destroy)
        await asyncio.to_thread(
            define_and_start, lambda xml: xml.replace("</domain>", f"{remedy.text}</domain>")
        )
        vm = await look(pid_of(identity), address_of(libvirtd, name))
        assert vm.run_state == "running"
        assert vm.best is not None
        assert (vm.best.state, vm.best.source) == (MonitorState.FREE, "-qmp")
        assert at(vm, vm.best.address).text == f"unix:{vm.best.address}"
        # What marks it as tainted is only the second choice now.
        assert MonitorState.THROUGH_LIBVIRT in {m.state for m in vm.monitors}
        assert vm.remedy is None
        # libvirt notes that as well, and the remedy says so.
        (noted,) = await tainted(libvirtd, name)
        assert "custom configuration" in noted
        assert "tainted (custom-argv)" in remedy.what
        assert isinstance(vm.best.address, UnixAddress)
        vm.best.address.path.unlink()
    finally:
        await asyncio.to_thread(destroy)
        with connected(libvirtd) as connection:
            connection.lookupByName(name).undefine()
