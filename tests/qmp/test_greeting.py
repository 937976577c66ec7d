"""What does not greet as QMP does is told by name, in bounded time, and nothing is left behind."""

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.qmp.connecting import connect, connect_in_a_child, refused
from tests.qmp.machine import Machine
from tests.qmp.peers import (
    GREETING,
    Line,
    guest_agent,
    is_silent,
    peer,
    says,
    says_and_hangs_up,
)
from tui.qmp.errors import MonitorBusy, NobodyListens, NotQmp, NotResponding
from tui.qmp.models import QmpEvent

# --- a monitor that greets late -----------------------------------------------------------------


async def test_lines_for_the_client_before_are_passed_over(place: Path) -> None:
    async def talk(line: Line) -> None:
        await line.say(b'{"return": {}, "id": "old"}\r\n{"error": {"class": "a", "desc": "b"}}\r\n')
        await line.greet()
        await line.hold()

    async with peer(place / "left.sock", talk) as address, await connect(address.path) as session:
        assert session.greeting.version.qemu.major > 0


@pytest.mark.parametrize("said", ['"return": []', '"error": {"class": "a", "desc": "b"}'])
async def test_what_the_client_before_asked_for_is_no_answer(place: Path, said: str) -> None:
    """QEMU greets first, and then sends what it had just worked out for who has left."""

    async def talk(line: Line) -> None:
        await line.say(GREETING)
        assert (await line.hear())["execute"] == "qmp_capabilities"
        await line.say(f'{{{said}, "id": "__qmp#00000"}}\r\n{{"return": {{}}}}\r\n'.encode())
        asked = await line.hear()
        await line.say(json.dumps({"return": {"name": "d"}, "id": asked["id"]}).encode() + b"\r\n")
        await line.hold()

    async with peer(place / "before.sock", talk) as address, await connect(address.path) as session:
        assert await session.execute("query-name") == {"name": "d"}


async def test_a_second_greeting_is_no_answer(place: Path) -> None:
    async def talk(line: Line) -> None:
        await line.say(GREETING + GREETING)
        assert (await line.hear())["execute"] == "qmp_capabilities"
        await line.say(GREETING + b'{"return": {}}\r\n')
        asked = await line.hear()
        await line.say(json.dumps({"return": {"name": "d"}, "id": asked["id"]}).encode() + b"\r\n")
        await line.hold()

    async with peer(place / "twice.sock", talk) as address, await connect(address.path) as session:
        assert await session.execute("query-name") == {"name": "d"}


async def test_an_event_during_the_negotiation_is_no_answer_but_is_heard(place: Path) -> None:
    event = {"event": "JOB_STATUS_CHANGE", "data": {"id": "j", "status": "concluded"}}
    stamp = {"timestamp": {"seconds": 1, "microseconds": 0}}

    async def talk(line: Line) -> None:
        await line.say(GREETING)
        assert (await line.hear())["execute"] == "qmp_capabilities"
        await line.say(json.dumps({**stamp, **event}).encode() + b'\r\n{"return": {}}\r\n')
        asked = await line.hear()
        await line.say(json.dumps({"return": {"name": "d"}, "id": asked["id"]}).encode() + b"\r\n")
        await line.hold()

    heard: list[QmpEvent] = []
    async with (
        peer(place / "early.sock", talk) as address,
        await connect(address.path, on_event=heard.append) as session,
    ):
        assert await session.execute("query-name") == {"name": "d"}
    assert [e.data["status"] for e in heard] == ["concluded"]


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
