"""What a monitor sends is taken in whole, however long, and little of it is read ahead."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.qmp.peers import Line, peer
from tests.qmp.sessions import session_with_peer
from tui.qmp.models import QmpEvent
from tui.qmp.session import QmpSession

MIB = 1 << 20
STOP = b'{"timestamp": {"seconds": 1, "microseconds": 5}, "event": "STOP"}\r\n'


def filled(frame: bytes, length: int) -> bytes:
    """A line of so many bytes."""
    return frame % (b"x" * (length - len(frame % b"")))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.parametrize(
    "length", [MIB - 1, MIB, MIB + 1, MIB + 2, 2 * MIB, 2 * MIB + 1, 5 * MIB], ids=str
)
async def test_a_long_line_is_read_whole_and_what_follows_is_read_on(
    place: Path, length: int
) -> None:
    async def talk(line: Line) -> None:
        for _ in range(2):
            told = str((await line.hear())["id"]).encode()
            frame = b'{"return": "%%s", "id": "%s"}\r\n' % told
            await line.say(filled(frame, length) + STOP)
        await line.hold()

    async with session_with_peer(place, talk) as session:
        for _ in range(2):
            reply = await session.execute("query-name")
            assert isinstance(reply, str)
            assert len(reply) > length - 100
            assert set(reply) == {"x"}


async def test_a_flood_waits_with_who_sends_it(place: Path) -> None:
    length, count = MIB // 16, 256
    event = filled(
        b'{"timestamp": {"seconds": 1, "microseconds": 5}, "event": "NEWS", "data": {"a": "%s"}}\n',
        length,
    )
    sent = heard = most = 0
    over = asyncio.Event()

    async def floods(line: Line) -> None:
        nonlocal sent
        await line.greet()
        for _ in range(count):
            await line.say(event)
            sent += 1
        await line.say(STOP)
        await line.hold()

    def hear(event: QmpEvent) -> None:
        nonlocal heard, most
        if event.event == "STOP":
            over.set()
            return
        # It takes longer than to send it.
        time.sleep(0.005)
        heard += 1
        most = max(most, sent - heard)

    async with (
        peer(place / "p.sock", floods) as address,
        await QmpSession.connect(address, on_event=hear),
    ):
        await asyncio.wait_for(over.wait(), 60)
    assert heard == count
    # Of the 16 MiB some are in the socket.
    assert most * length < 4 * MIB
