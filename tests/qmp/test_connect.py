"""Connecting works, or says in one sentence what is wrong with the path or the host."""

import asyncio
import os
import signal
import socket
from pathlib import Path

from tests.qmp.connecting import connect, connect_in_a_child, refused
from tests.qmp.machine import Machine, machine
from tui.qmp.address import TcpAddress, UnixAddress, parse_address
from tui.qmp.errors import (
    HostUnknown,
    NobodyListens,
    NoSuchSocket,
    NotASocket,
    PermissionRefused,
)

# --- it works -----------------------------------------------------------------------------------


async def test_a_unix_monitor_greets_with_its_version_and_pid(vm: Machine) -> None:
    async with await connect(vm.monitor) as session:
        assert session.greeting.version.qemu.major >= 5
        assert session.peer_pid == vm.pid
        assert await session.execute("query-name") == {}


async def test_a_tcp_monitor_works_the_same(place: Path) -> None:
    async with (
        machine(place, "-qmp", "tcp:127.0.0.1:0,server=on,wait=off") as vm,
        await connect(vm.monitor) as session,
    ):
        chardevs = await session.execute("query-chardev")
        assert isinstance(chardevs, list)
        (listening,) = (c["filename"] for c in chardevs if "tcp:" in c["filename"])
        address = parse_address(listening.removeprefix("disconnected:"))
        assert isinstance(address, TcpAddress)
        # The name may stand for an IPv6 address too, on which nobody listens.
        for host in ("127.0.0.1", "localhost"):
            async with await connect(TcpAddress(host=host, port=address.port)) as over_tcp:
                assert over_tcp.peer_pid is None
                assert await over_tcp.execute("query-name") == {}


# --- the path -----------------------------------------------------------------------------------


async def test_nothing_is_at_the_path(place: Path) -> None:
    failure = await refused(place / "vm.sock")
    assert isinstance(failure, NoSuchSocket)
    assert failure.sentence == f"There is no socket {place}/vm.sock."
    assert failure.advice
    assert failure.address == UnixAddress(path=place / "vm.sock")


async def test_the_directory_does_not_exist(place: Path) -> None:
    failure = await refused(place / "none" / "vm.sock")
    assert isinstance(failure, NoSuchSocket)
    assert failure.sentence == f"There is no directory {place}/none."


async def test_a_link_leads_nowhere(place: Path) -> None:
    (place / "vm.sock").symlink_to(place / "gone")
    failure = await refused(place / "vm.sock")
    assert isinstance(failure, NoSuchSocket)
    assert "link to something that does not exist" in failure.sentence


async def test_the_path_leads_through_a_file(place: Path) -> None:
    (place / "file").touch()
    failure = await refused(place / "file" / "vm.sock")
    assert isinstance(failure, NoSuchSocket)
    assert "no directory" in failure.sentence


async def test_what_is_there_is_no_socket(place: Path) -> None:
    (place / "file").touch()
    os.mkfifo(place / "pipe")
    for path, kind in (
        (place, "a directory"),
        (place / "file", "a regular file"),
        (place / "pipe", "a named pipe"),
        (Path("/dev/null"), "a character device"),
    ):
        failure = await refused(path)
        assert isinstance(failure, NotASocket)
        assert failure.sentence == f"{path} is {kind}, not a socket."


async def test_a_datagram_socket_is_no_monitor(place: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(place / "dgram.sock"))
        failure = await refused(place / "dgram.sock")
    assert isinstance(failure, NotASocket)


async def test_the_path_is_too_long_for_a_socket(place: Path) -> None:
    failure = await refused(place / ("x" * 120))
    assert isinstance(failure, NoSuchSocket)
    assert "107 bytes at most" in failure.sentence


async def test_the_qemu_behind_the_socket_has_died(place: Path) -> None:
    async with machine(place) as vm:
        vm.signal(signal.SIGKILL)
    failure = await refused(vm.monitor)
    assert isinstance(failure, NobodyListens)
    assert "has ended" in failure.sentence


async def test_the_socket_belongs_to_someone_else(place: Path, vm: Machine) -> None:
    place.chmod(0o755)
    vm.monitor.chmod(0o060)
    kind, sentence, advice = await asyncio.to_thread(connect_in_a_child, vm.monitor)
    owner, group = vm.monitor.owner(), vm.monitor.group()
    assert kind == PermissionRefused.__name__
    assert f"may not connect to {vm.monitor}" in sentence
    assert f"belongs to {owner}:{group} with mode s---rw----" in sentence
    assert advice.startswith(f"Run BlockDeck as {owner} or")
    assert advice.endswith(f"or as a member of the group {group}.")


async def test_a_directory_on_the_way_is_barred(place: Path, vm: Machine) -> None:
    place.chmod(0o000)
    kind, sentence, advice = await asyncio.to_thread(connect_in_a_child, vm.monitor)
    place.chmod(0o700)
    assert kind == PermissionRefused.__name__
    assert f"may not enter {place}: it belongs to {place.owner()}" in sentence
    assert "group" not in advice


# --- TCP ----------------------------------------------------------------------------------------


async def test_nobody_listens_on_the_port() -> None:
    with socket.socket() as taken:
        # Bound and not listening: nobody else gets the port meanwhile.
        taken.bind(("127.0.0.1", 0))
        failure = await refused(TcpAddress(host="127.0.0.1", port=taken.getsockname()[1]))
    assert isinstance(failure, NobodyListens)


async def test_the_host_is_unknown() -> None:
    failure = await refused(TcpAddress(host="nonexistent.invalid", port=4444))
    assert isinstance(failure, HostUnknown)
    assert "nonexistent.invalid" in failure.sentence


async def test_a_host_name_that_cannot_be_one_is_unknown() -> None:
    failure = await refused(TcpAddress(host="x" * 70 + ".invalid", port=4444))
    assert isinstance(failure, HostUnknown)
