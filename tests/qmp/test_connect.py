"""Connecting works, or says in one sentence what is wrong; it never waits on and leaves nothing."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.qmp.machine import Machine, machine
from tests.qmp.peers import (
    GREETING,
    Line,
    guest_agent,
    is_silent,
    peer,
    says,
    says_and_hangs_up,
)
from tui.qmp.address import MonitorAddress, TcpAddress, UnixAddress, parse_address
from tui.qmp.errors import (
    ConnectFailure,
    HostUnknown,
    MonitorBusy,
    NobodyListens,
    NoSuchSocket,
    NotASocket,
    NotQmp,
    NotResponding,
    PermissionRefused,
)
from tui.qmp.models import QmpEvent
from tui.qmp.session import QmpSession


def ignore(event: QmpEvent) -> None:
    """Take no interest in events."""


async def connect(address: MonitorAddress | Path, timeout: float = 5.0) -> QmpSession:
    if isinstance(address, Path):
        address = UnixAddress(path=address)
    return await QmpSession.connect(address, on_event=ignore, timeout=timeout)


async def refused(address: MonitorAddress | Path, timeout: float = 5.0) -> ConnectFailure:
    """The failure of an attempt to connect, which must leave no task behind."""
    before = asyncio.all_tasks()
    with pytest.raises(ConnectFailure) as failure:
        await connect(address, timeout)
    left = {task for task in asyncio.all_tasks() - before if "serve" not in repr(task.get_coro())}
    assert not left
    return failure.value


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
        async with await connect(address) as over_tcp:
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


_CONNECT = """
import asyncio, os, sys
from pathlib import Path
from tui.qmp.address import UnixAddress
from tui.qmp.errors import ConnectFailure
from tui.qmp.session import QmpSession
if os.geteuid() == 0 and sys.argv[2] == "nobody":
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    address = UnixAddress(path=Path(sys.argv[1]))
    asyncio.run(QmpSession.connect(address, on_event=print))
except ConnectFailure as failure:
    print(type(failure).__name__, failure.sentence, failure.advice, sep="\\n")
"""


def connect_in_a_child(path: Path, user: str = "nobody") -> list[str]:
    """What connecting says to a user without privileges; standard error has to stay empty."""
    child = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", _CONNECT, path, user],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert child.stderr == ""
    return child.stdout.splitlines()


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


# --- a monitor that does not greet --------------------------------------------------------------


async def test_another_client_holds_the_monitor(vm: Machine) -> None:
    loop = asyncio.get_running_loop()
    async with await connect(vm.monitor) as holder:
        await holder.execute("query-name")
        begin = loop.time()
        failure = await refused(vm.monitor, timeout=0.3)
        assert 0.3 <= loop.time() - begin < 2
    assert isinstance(failure, MonitorBusy)
    assert "no greeting within 0.3 s: another client holds this monitor" in failure.sentence
    assert "-qmp unix:/run/vm2.sock,server=on,wait=off" in failure.advice
    # The abandoned attempt still stands in QEMU's queue, and must not stand in the way.
    async with await connect(vm.monitor) as session:
        assert await session.execute("query-name") == {}


async def test_the_queue_of_the_monitor_is_full(vm: Machine) -> None:
    async with await connect(vm.monitor), waiting_clients(vm.monitor):
        failure = await refused(vm.monitor)
    assert isinstance(failure, MonitorBusy)
    assert "queue of this monitor is full" in failure.sentence


@contextlib.asynccontextmanager
async def waiting_clients(path: Path) -> AsyncIterator[None]:
    """Fill the queue of a monitor with clients until it takes no more."""
    with contextlib.ExitStack() as clients:
        with contextlib.suppress(BlockingIOError):
            for _ in range(100):
                client = clients.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(str(path))
        yield


async def test_the_qemu_is_stopped(vm: Machine) -> None:
    vm.signal(signal.SIGSTOP)
    failure = await refused(vm.monitor, timeout=0.3)
    assert isinstance(failure, NotResponding)
    assert failure.sentence == f"QEMU process {vm.pid} is stopped (SIGSTOP)."
    assert failure.advice == f"Let it go on with: kill -CONT {vm.pid}"
    vm.signal(signal.SIGCONT)
    async with await connect(vm.monitor) as session:
        assert await session.execute("query-name") == {}


async def test_a_guest_agent_is_recognised(place: Path) -> None:
    async with peer(place / "qga.sock", guest_agent) as address:
        failure = await refused(address, timeout=0.2)
    assert isinstance(failure, NotQmp)
    assert failure.sentence == "That is a guest agent's socket, not a QMP monitor."


async def test_silence_may_be_a_guest_agent_that_does_not_run(place: Path) -> None:
    async with peer(place / "qga.sock", is_silent) as address:
        failure = await refused(address, timeout=0.2)
    assert isinstance(failure, MonitorBusy)
    assert "guest agent" in failure.advice


async def test_a_silent_peer_hangs_up_when_it_is_spoken_to(place: Path) -> None:
    async def talk(line: Line) -> None:
        await line.hear()

    async with peer(place / "odd.sock", talk) as address:
        failure = await refused(address, timeout=0.2)
    assert isinstance(failure, NobodyListens)


# --- something that is no monitor ---------------------------------------------------------------


async def test_a_human_monitor_is_recognised(vm: Machine) -> None:
    failure = await refused(vm.human)
    assert isinstance(failure, NotQmp)
    assert "human monitor (HMP)" in failure.sentence
    assert "-qmp" in failure.advice


@pytest.mark.parametrize(
    ("raw", "says_what"),
    [
        (b"RFB 003.008\n", "a VNC server"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "an SSH server"),
        (b"\xff\xfb\x01\xff\xfb\x03", "telnet"),
        (b"Debian login: \x1b[31m[/red]", r'it sent "Debian login: \x1b[31m[/red]".'),
        (b"\x00\x80\xc3", r'it sent "\x00\\x80\\xc3".'),
        (b"x" * 4000, '"' + "x" * 60 + '" …'),
        (b"{}\n", 'it sent "{}'),
        (b"{nonsense}\n", 'it sent "{nonsense}'),
        (b'{"QMP": 7}\n', '{"QMP": 7}'),
        (b'{"\xff": 1}\n', "does not speak QMP"),
        (b"[" * 5000 + b"\n", "does not speak QMP"),
        (b'{"a":' * 50000 + b"\n", "does not speak QMP"),
        (GREETING + b"garbage\r\n", 'it sent "garbage'),
        (GREETING + b'{"error": {"class": "GenericError", "desc": "no"}}\n', "refused the nego"),
    ],
)
async def test_what_is_not_qmp_is_quoted(place: Path, raw: bytes, says_what: str) -> None:
    async with peer(place / "odd.sock", says(raw)) as address:
        failure = await refused(address)
    assert isinstance(failure, NotQmp)
    assert says_what in failure.sentence
    assert failure.sentence.isprintable()


@pytest.mark.parametrize("raw", [b"", GREETING[:30], GREETING])
async def test_the_connection_ends_before_the_session_stands(place: Path, raw: bytes) -> None:
    async with peer(place / "odd.sock", says_and_hangs_up(raw)) as address:
        failure = await refused(address)
    assert isinstance(failure, NobodyListens)
    assert "closed the connection before it greeted" in failure.sentence


async def test_the_greeting_never_ends(place: Path) -> None:
    async with peer(place / "odd.sock", says(GREETING[:30])) as address:
        failure = await refused(address, timeout=0.2)
    assert isinstance(failure, NotQmp)
    assert "never ended the line" in failure.sentence


async def test_the_negotiation_is_not_answered(place: Path) -> None:
    async with peer(place / "odd.sock", says(GREETING)) as address:
        failure = await refused(address, timeout=0.2)
    assert isinstance(failure, NotResponding)
    assert "did not finish the negotiation within 0.2 s" in failure.sentence


async def test_the_greeting_names_no_version(place: Path) -> None:
    nameless = b'{"QMP": {"version": {}, "capabilities": []}}\n'
    for raw in (nameless, nameless + b'{"return": {}}\n'):
        path = place / f"{len(raw)}.sock"
        async with peer(path, says(raw)) as address:
            failure = await refused(address, timeout=0.2)
        assert isinstance(failure, NotQmp)
        assert r'it sent "{"QMP": {"version": {}' in failure.sentence


# --- it leaves nothing --------------------------------------------------------------------------


async def test_an_attempt_can_be_cancelled_at_any_time(place: Path) -> None:
    async with (
        peer(place / "silent.sock", is_silent) as silent,
        peer(place / "half.sock", says(GREETING)) as half,
    ):
        for address in (silent, half):
            before = asyncio.all_tasks()
            attempt = asyncio.create_task(connect(address))
            await asyncio.wait({attempt}, timeout=0.1)
            attempt.cancel()
            with pytest.raises(asyncio.CancelledError):
                await attempt
            left = asyncio.all_tasks() - before
            assert all("serve" in repr(task.get_coro()) for task in left)


async def test_a_failure_writes_nothing_on_the_terminal(place: Path) -> None:
    async with peer(place / "odd.sock", says(b"{garbage}\n")) as address:
        told = await asyncio.to_thread(connect_in_a_child, address.path, "me")
    assert told[0] == NotQmp.__name__
