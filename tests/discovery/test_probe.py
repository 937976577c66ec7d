"""Asking a monitor takes little and sends nothing to one that does not greet."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.qmp.peers import GREETING, Line, peer, says, says_and_hangs_up
from tui.discovery.models import MonitorState
from tui.discovery.probe import ask, state_of
from tui.qmp.address import UnixAddress
from tui.qmp.errors import ConnectFailure, ConnectionLost, NotAnswering


async def failure(address: UnixAddress) -> MonitorState:
    """How the monitor stands after having been asked in vain."""
    before = asyncio.all_tasks()
    with pytest.raises(ConnectFailure) as refused:
        await ask(address)
    assert not {task for task in asyncio.all_tasks() - before if "serve" not in repr(task)}
    return state_of(refused.value)


async def test_a_monitor_that_does_not_greet_hears_nothing(tmp_path: Path) -> None:
    heard = bytearray()

    async def silent(line: Line) -> None:
        while more := await line._reader.read(4096):
            heard.extend(more)

    began = time.monotonic()
    async with peer(tmp_path / "s", silent) as address:
        assert await failure(address) is MonitorState.BUSY
    assert time.monotonic() - began < 10
    assert not heard


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (b"QEMU 7.2.22 monitor - type 'help'\r\n(qemu) ", MonitorState.NOT_QMP),
        (b"\x00\x01\x1b[2J\n", MonitorState.NOT_QMP),
        (b'{"QMP": 1}\n', MonitorState.NOT_QMP),
        (b"{\r\n}\r\n", MonitorState.NOT_QMP),
    ],
    ids=repr,
)
async def test_what_is_no_monitor_is_told_apart(
    tmp_path: Path, said: bytes, state: MonitorState
) -> None:
    async with peer(tmp_path / "s", says(said)) as address:
        assert await failure(address) is state


async def test_one_that_hangs_up_is_dead(tmp_path: Path) -> None:
    async with peer(tmp_path / "s", says_and_hangs_up(b"")) as address:
        assert await failure(address) is MonitorState.DEAD
    assert await failure(UnixAddress(path=tmp_path / "none")) is MonitorState.DEAD


async def test_one_that_stops_talking_is_left_in_time(tmp_path: Path) -> None:
    async def greets(line: Line) -> None:
        await line.greet()
        await line.hold()

    began = time.monotonic()
    async with peer(tmp_path / "s", greets) as address:
        with pytest.raises(NotAnswering):
            await ask(address)
    assert time.monotonic() - began < 10


async def test_one_that_ends_in_the_middle(tmp_path: Path) -> None:
    async def goes(line: Line) -> None:
        await line.greet()
        await line.hear()

    async with peer(tmp_path / "s", goes) as address:
        with pytest.raises(ConnectionLost):
            await ask(address)


async def test_what_is_asked_is_little(tmp_path: Path) -> None:
    asked: list[str] = []

    async def answers(line: Line) -> None:
        await line.say(GREETING)
        replies = {
            "qmp_capabilities": "{}",
            "query-status": '{"status": "running", "running": true}',
            "query-name": '{"name": "web"}',
            "query-uuid": '{"UUID": "6f1ed2c1-8f0a-4d43-9c3c-0b1f5e3a2b11"}',
            "query-block": "[]",
        }
        while len(asked) < len(replies):
            heard = await line.hear()
            asked.append(str(heard["execute"]))
            given = f', "id": "{heard["id"]}"' if "id" in heard else ""
            await line.say(f'{{"return": {replies[asked[-1]]}{given}}}\r\n'.encode())
        await line.hold()

    async with peer(tmp_path / "s", answers) as address:
        told = await ask(address)
    assert (told.name, told.run_state, told.version) == ("web", "running", "9.1.2")
    assert sorted(asked) == sorted(set(asked))
