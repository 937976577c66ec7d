"""Events read cheaply are the same events, and a flood of them lets others in."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.qmp.peers import Line, peer
from tui.qmp.models import QmpEvent
from tui.qmp.quick import QuickEvents
from tui.qmp.session import QmpSession

ERROR = (
    b'{"timestamp": {"seconds": 1700000000, "microseconds": %d}, "event": "BLOCK_JOB_ERROR", '
    b'"data": {"device": "j", "operation": "read", "action": "ignore"}}\r\n'
)
STOP = b'{"timestamp": {"seconds": 1700000000, "microseconds": 5}, "event": "STOP"}\r\n'


@pytest.mark.parametrize(
    "line", [ERROR % 7, STOP, ERROR.replace(b'"j"', '"ü\\n"'.encode()) % 9], ids=repr
)
def test_it_reads_what_the_model_reads(line: bytes) -> None:
    quick = QuickEvents()
    for _ in range(2):
        assert quick.read(line) == QmpEvent.model_validate(json.loads(line))


@pytest.mark.parametrize(
    "line",
    [
        b'{"return": {}, "id": "1"}\r\n',
        b'{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 5}}\r\n',
        b'{"timestamp": {"seconds": 1, "microseconds": 5}, "event": "STOP", "id": 3}\r\n',
        b'{"timestamp": {"seconds": 1, "microseconds": 5}, "event": "STOP", "data": 3}\r\n',
        b'{"timestamp": {"seconds": 1, "microseconds": 5}, "event": "\xff"}\r\n',
        b'{"timestamp": {"seconds": 1, "microseconds": 5}, "event": "STOP"} {"a": 1}\r\n',
        b"",
    ],
    ids=repr,
)
def test_it_leaves_to_the_library_what_is_anything_else(line: bytes) -> None:
    assert QuickEvents().read(line) is None


def test_what_it_keeps_is_bounded() -> None:
    quick = QuickEvents()
    for number in range(2000):
        line = ERROR.replace(b'"j"', b'"j%d"' % number) % 1
        read = quick.read(line)
        assert read is not None
        assert read.data["device"] == f"j{number}"
    assert len(quick._known) <= 512


async def test_a_flood_is_heard_in_order_and_lets_others_in(tmp_path: Path) -> None:
    count = 20_000

    async def floods(line: Line) -> None:
        await line.greet()
        await line.say(b"".join(ERROR % number for number in range(count)) + STOP)
        await line.hold()

    heard: list[int] = []
    over = asyncio.Event()

    def hear(event: QmpEvent) -> None:
        heard.append(event.timestamp.microseconds)
        if event.event == "STOP":
            over.set()

    turns = 0
    async with (
        peer(tmp_path / "peer", floods) as address,
        await QmpSession.connect(address, on_event=hear),
    ):
        while not over.is_set():
            await asyncio.sleep(0)
            turns += bool(heard)
    assert heard == [*range(count), 5]
    # Some 3 MiB come in pieces of 256 KiB at the most.
    assert turns > 20
