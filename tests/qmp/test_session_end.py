"""A session ends once, within its bounds and with its reason, whatever QEMU does."""

import asyncio
import contextlib
import signal
from pathlib import Path

import pytest

from tests.qmp.machine import Machine
from tests.qmp.peers import Line
from tests.qmp.sessions import session_with, session_with_peer
from tui.qmp.client import CLOSED_BY_US, LONGEST_LINE
from tui.qmp.errors import ConnectionLost, NotAnswering

# --- a QEMU that does not answer ----------------------------------------------------------------


async def test_a_stopped_qemu_is_named_and_comes_back(
    vm: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    async with session_with(vm.monitor) as (session, _):
        await session.execute("query-name")
        vm.signal(signal.SIGSTOP)
        with pytest.raises(NotAnswering) as silence:
            await session.execute("query-status", timeout=0.2)
        assert silence.value.seconds == 0.2
        assert silence.value.reason == f"QEMU process {vm.pid} is stopped (SIGSTOP)"
        assert "query-status within 0.2 s" in str(silence.value)
        vm.signal(signal.SIGCONT)
        assert await session.execute("query-name") == {}
    assert any("message dropped" in record.message for record in caplog.records)


async def test_closing_is_bounded_with_megabytes_unsent_to_a_stopped_qemu(vm: Machine) -> None:
    loop = asyncio.get_running_loop()
    async with session_with(vm.monitor) as (session, _):
        vm.signal(signal.SIGSTOP)
        huge = asyncio.create_task(session.execute("block_resize", {"device": "x" * 4_000_000}))
        await asyncio.wait({huge}, timeout=0.1)
        begin = loop.time()
        await session.close()
        # One second is promised; the rest is for a machine that has other things to do.
        assert loop.time() - begin < 1.5
        with pytest.raises(ConnectionLost, match=CLOSED_BY_US):
            await huge
    assert await session.closed() == CLOSED_BY_US


# --- the end ------------------------------------------------------------------------------------


async def test_closing_is_idempotent_and_at_any_number_of_places(vm: Machine) -> None:
    async with session_with(vm.monitor) as (session, _):
        waiting = [asyncio.create_task(session.closed()) for _ in range(3)]
        waiting[0].cancel()
        await asyncio.gather(session.close(), session.close())
        await session.close()
        assert await asyncio.gather(*waiting[1:]) == [CLOSED_BY_US, CLOSED_BY_US]
        with pytest.raises(ConnectionLost, match=CLOSED_BY_US):
            await session.execute("query-name")


async def test_a_monitor_is_free_again_after_closing(vm: Machine) -> None:
    for _ in range(5):
        async with session_with(vm.monitor) as (session, _):
            assert await session.execute("query-name") == {}


async def test_quitting_qemu_ends_the_session(vm: Machine) -> None:
    async with session_with(vm.monitor) as (session, events):
        await session.execute("quit")
        assert await asyncio.wait_for(session.closed(), 10) == "QEMU closed the connection"
        assert [event.event for event in events] == ["SHUTDOWN"]
        with pytest.raises(ConnectionLost, match="QEMU closed the connection"):
            await session.execute("query-status")


async def test_killing_qemu_ends_every_command_that_waits(vm: Machine) -> None:
    async with session_with(vm.monitor) as (session, _):
        vm.signal(signal.SIGSTOP)
        pending = [asyncio.create_task(session.execute("query-status")) for _ in range(3)]
        await asyncio.wait(pending, timeout=0.1)
        vm.signal(signal.SIGKILL)
        lost = await asyncio.wait_for(asyncio.gather(*pending, return_exceptions=True), 10)
        reason = await session.closed()
        assert reason in ("QEMU closed the connection", "The connection to QEMU was reset")
        assert [str(error) for error in lost] == [reason] * 3
        assert all(isinstance(error, ConnectionLost) for error in lost)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"garbage\x1b[31m\r\n", r'not QMP: "garbage\x1b[31m\r\n"'),
        (b"7\r\n", "not QMP"),
        (b'{"id": []}\r\n', "not QMP"),
        (b'{"\xff": 1}\r\n', "not QMP"),
        (b'{"error": {"class": "GenericError", "desc": "JSON parse error"}}\r\n', "parse error"),
        (b'{"return": ', "in the middle of a message"),
        (b"", "QEMU closed the connection"),
    ],
)
async def test_the_reason_of_the_end_is_told(place: Path, raw: bytes, reason: str) -> None:
    async def talk(line: Line) -> None:
        await line.hear()
        await line.say(raw)

    async with session_with_peer(place, talk) as session:
        with pytest.raises(ConnectionLost) as lost:
            await session.execute("query-status")
        assert reason in lost.value.reason
        assert lost.value.reason == await session.closed()
        assert lost.value.reason.isprintable()


async def test_a_reply_that_is_neither_result_nor_error_ends_the_session(place: Path) -> None:
    async def talk(line: Line) -> None:
        command = await line.hear()
        await line.say(b'{"id": "%s"}\n' % str(command["id"]).encode())
        await line.hold()

    async with session_with_peer(place, talk) as session:
        with pytest.raises(ConnectionLost, match="a reply that is not QMP"):
            await session.execute("query-status")


async def test_a_message_without_end_is_not_hoarded(place: Path) -> None:
    async def talk(line: Line) -> None:
        with contextlib.suppress(ConnectionError):
            for _ in range(LONGEST_LINE // 2**20 + 3):
                await line.say(b"x" * 2**20)

    async with session_with_peer(place, talk) as session:
        reason = await asyncio.wait_for(session.closed(), 20)
        assert reason == f"QEMU sent a message of more than {LONGEST_LINE // 2**20} MiB"


async def test_a_peer_that_reads_nothing_and_hangs_up_is_survived(place: Path) -> None:
    hang_up = asyncio.Event()

    async def talk(_: Line) -> None:
        await hang_up.wait()

    async with session_with_peer(place, talk) as session:
        huge = asyncio.create_task(session.execute("x", {"device": "x" * 2_000_000}))
        await asyncio.wait({huge}, timeout=0.05)
        hang_up.set()
        with pytest.raises(ConnectionLost):
            await asyncio.wait_for(huge, 5)
