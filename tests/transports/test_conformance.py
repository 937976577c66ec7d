"""Every transport does the same: commands, events, large replies, disconnects, deadlines."""

import asyncio
import contextlib
import json
import re
import signal
import time
from collections.abc import Callable

import pytest

from tests.qmp.test_session import SAYABLE
from tests.transports.reaching import Reached
from tests.waiting import until
from tui.qmp.client import CLOSED_BY_US
from tui.qmp.errors import CommandRefused, ConnectFailure, ConnectionLost, NotAnswering, ReadOnly
from tui.qmp.gate import Gate
from tui.qmp.models import QmpEvent
from tui.qmp.session import QmpSession

pytestmark = pytest.mark.usefixtures("no_task_is_left")

# --- commands -----------------------------------------------------------------------------------


async def test_it_greets_and_answers(reached: Reached) -> None:
    async with await reached.connect() as session:
        assert session.greeting.version.qemu.major >= 5
        version = await session.execute("query-version")
        assert isinstance(version, dict)
        assert version["qemu"]["major"] == session.greeting.version.qemu.major
        assert session.address == reached.address


async def test_a_refusal_keeps_what_qemu_said(reached: Reached) -> None:
    async with await reached.connect() as session:
        with pytest.raises(CommandRefused) as refusal:
            await session.execute("block_resize", {"device": "[/x]", "size": 1})
        assert refusal.value.command == "block_resize"
        assert refusal.value.error_class == "GenericError"
        assert said_of(refusal.value) == "[/x]"
        with pytest.raises(CommandRefused) as unknown:
            await session.execute("make-tea")
        assert unknown.value.error_class == "CommandNotFound"


async def test_many_commands_at_once_each_get_their_own_reply(reached: Reached) -> None:
    async def resize(session: QmpSession, name: str) -> None:
        with pytest.raises(CommandRefused) as refusal:
            await session.execute("block_resize", {"device": name, "size": 1})
        assert said_of(refusal.value) == name

    async with await reached.connect() as session:
        await asyncio.gather(*(resize(session, f"disk{n}") for n in range(50)))


async def test_any_sayable_text_passes_unchanged(reached: Reached) -> None:
    text = SAYABLE if reached.nul else SAYABLE.replace("\0", "")
    async with await reached.connect() as session:
        with pytest.raises(CommandRefused) as refusal:
            await session.execute("block_resize", {"device": text, "size": 1})
        assert said_of(refusal.value) == text


async def test_the_gate_stands_before_it(reached: Reached) -> None:
    gate = Gate(read_only=True)
    address = reached.address
    session = await QmpSession.connect(address, on_event=lambda _: None, timeout=10, gate=gate)
    async with session:
        with pytest.raises(ReadOnly):
            await session.execute("cont")
        assert isinstance(status := await session.execute("query-status"), dict)
        assert status["running"] is False


# --- events -------------------------------------------------------------------------------------


async def test_events_come_once_each_and_in_order(reached: Reached) -> None:
    events: list[QmpEvent] = []
    async with await reached.connect(events.append) as session:
        for _ in range(10):
            await session.execute("cont")
            # The event that a command causes comes before its reply.
            assert events[-1].event == "RESUME"
            await session.execute("stop")
        await until(lambda: len(events) >= 20)
        assert [event.event for event in events] == ["RESUME", "STOP"] * 10
        assert events[0].timestamp.epoch > 1_500_000_000


async def test_events_tell_what_they_carry(reached: Reached) -> None:
    events: list[QmpEvent] = []
    async with await reached.connect(events.append) as session:
        await session.execute("blockdev-add", _null("source", 1 << 20))
        await session.execute("blockdev-add", _null("target", 1 << 20))
        job = {"job-id": "j-1", "device": "source", "target": "target", "sync": "full"}
        await session.execute("blockdev-backup", job)
        await until(lambda: any(event.event == "BLOCK_JOB_COMPLETED" for event in events))
    (completed,) = (event for event in events if event.event == "BLOCK_JOB_COMPLETED")
    assert completed.data["device"] == "j-1"
    assert completed.data["offset"] == completed.data["len"] == 1 << 20
    statuses = [e.data["status"] for e in events if e.event == "JOB_STATUS_CHANGE"]
    assert statuses[0] == "created"


# --- large messages -----------------------------------------------------------------------------


async def test_a_reply_of_several_hundred_kilobytes_is_whole(reached: Reached) -> None:
    async with await reached.connect() as session:
        names = {f"node{number:04d}" for number in range(700)}
        await asyncio.gather(
            *(session.execute("blockdev-add", _null(name, 1 << 20)) for name in names)
        )
        large, schema, status = await asyncio.gather(
            session.execute("query-named-block-nodes", timeout=60),
            session.execute("query-qmp-schema", timeout=60),
            session.execute("query-status", timeout=60),
        )
        assert len(json.dumps(large)) > 300_000
        assert isinstance(large, list)
        assert {node["node-name"] for node in large} == names
        assert isinstance(schema, list)
        assert len(schema) > 500
        assert isinstance(status, dict)


async def test_a_large_command_reaches_qemu_whole(reached: Reached) -> None:
    async with await reached.connect() as session:
        name = "".join(f"<{number}>" for number in range(25_000))
        with pytest.raises(CommandRefused) as refusal:
            await session.execute("block_resize", {"device": name, "size": 1}, timeout=60)
        assert said_of(refusal.value) == name


# --- disconnects --------------------------------------------------------------------------------


async def test_closing_leaves_nothing_and_frees_the_monitor(
    reached: Reached, open_files: Callable[[], int]
) -> None:
    async with await reached.connect():
        pass
    before = open_files()
    for _ in range(5):
        session = await reached.connect()
        await session.execute("query-status")
        await asyncio.gather(session.close(), session.close())
        assert await session.closed() == CLOSED_BY_US
        with pytest.raises(ConnectionLost, match=CLOSED_BY_US):
            await session.execute("query-status")
    await until(lambda: open_files() <= before)


async def test_the_death_of_qemu_ends_the_session_with_a_reason(reached: Reached) -> None:
    async with await reached.connect() as session:
        reached.signal(signal.SIGSTOP)
        waiting = [asyncio.create_task(session.execute("query-status")) for _ in range(3)]
        await asyncio.wait(waiting, timeout=0.1)
        reached.signal(signal.SIGKILL)
        reason = await asyncio.wait_for(session.closed(), 10)
        assert reason
        assert reason != CLOSED_BY_US
        for lost in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(lost, ConnectionLost)
            assert lost.reason == reason
    with pytest.raises(ConnectFailure) as failure:
        await reached.connect()
    assert failure.value.sentence


# --- deadlines ----------------------------------------------------------------------------------


async def test_a_stopped_qemu_is_not_waited_for_and_comes_back(reached: Reached) -> None:
    async with await reached.connect() as session:
        reached.signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(NotAnswering) as silence:
            await session.execute("query-status", timeout=0.3)
        assert time.monotonic() - began < 3
        assert silence.value.seconds == 0.3
        reached.signal(signal.SIGCONT)
        status = await session.execute("query-status")
        assert isinstance(status, dict)
        assert status["running"] is False


async def test_connecting_to_a_stopped_qemu_fails_in_time(reached: Reached) -> None:
    reached.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(ConnectFailure):
            await reached.connect(timeout=1.0)
        assert time.monotonic() - began < 5
    finally:
        reached.signal(signal.SIGCONT)


async def test_closing_is_bounded_with_megabytes_unsent_to_a_stopped_qemu(
    reached: Reached,
) -> None:
    session = await reached.connect()
    reached.signal(signal.SIGSTOP)
    try:
        huge = asyncio.create_task(session.execute("block_resize", {"device": "x" * 4_000_000}))
        await asyncio.wait({huge}, timeout=0.1)
        began = time.monotonic()
        await session.close()
        # One second is promised; the rest is for a machine that has other things to do.
        assert time.monotonic() - began < 3
        with pytest.raises(ConnectionLost, match=CLOSED_BY_US):
            await huge
    finally:
        reached.signal(signal.SIGCONT)


async def test_giving_up_while_connecting_leaves_nothing(
    reached: Reached, open_files: Callable[[], int]
) -> None:
    async with await reached.connect():
        pass
    before = open_files()
    for pause in (0.0, 0.01, 0.05, 0.2):
        attempt = asyncio.create_task(reached.connect())
        await asyncio.wait({attempt}, timeout=pause)
        attempt.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await attempt).close()
    await until(lambda: open_files() <= before)
    async with await reached.connect() as session:
        assert isinstance(await session.execute("query-status"), dict)


def said_of(refusal: CommandRefused) -> str:
    """The device that QEMU cannot find; its versions put the words around it differently."""
    found = re.fullmatch(
        r"Cannot find device=('?)(.*)\1 nor node[-_]name=(?:'')?", refusal.desc, re.DOTALL
    )
    assert found, refusal.desc
    return found[2]


def _null(name: str, size: int) -> dict[str, object]:
    return {"driver": "null-co", "node-name": name, "size": size}
