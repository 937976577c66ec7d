"""A session answers each command and tells its events in order."""

import asyncio
from pathlib import Path

import pytest

from tests.qmp.machine import Machine
from tests.qmp.peers import Line, peer
from tests.qmp.sessions import session_with
from tui.qmp.address import UnixAddress
from tui.qmp.errors import CommandRefused, CommandUnsendable
from tui.qmp.models import QmpEvent
from tui.qmp.session import QmpSession

# --- commands -----------------------------------------------------------------------------------


async def test_a_command_returns_its_reply(vm: Machine) -> None:
    async with session_with(vm.monitor) as (session, _):
        status = await session.execute("query-status")
    assert isinstance(status, dict)
    assert status["status"] == "prelaunch"


async def test_a_refusal_keeps_what_qemu_said(vm: Machine) -> None:
    async with session_with(vm.monitor) as (session, _):
        with pytest.raises(CommandRefused) as refusal:
            await session.execute("block_resize", {"device": "[/x]", "size": 1})
        assert refusal.value.command == "block_resize"
        assert refusal.value.error_class == "GenericError"
        assert refusal.value.desc == "Cannot find device='[/x]' nor node-name=''"
        with pytest.raises(CommandRefused) as unknown:
            await session.execute("make-tea")
        assert unknown.value.error_class == "CommandNotFound"


async def test_many_commands_at_once_each_get_their_own_reply(vm: Machine) -> None:
    async def resize(session: QmpSession, name: str) -> None:
        with pytest.raises(CommandRefused, match=f"device='{name}'"):
            await session.execute("block_resize", {"device": name, "size": 1})

    async with session_with(vm.monitor) as (session, _):
        await asyncio.gather(*(resize(session, f"disk{n}") for n in range(200)))


async def test_a_cancelled_command_does_not_disturb_the_next(vm: Machine) -> None:
    async with session_with(vm.monitor) as (session, _):
        impatient = asyncio.create_task(session.execute("query-qmp-schema"))
        await asyncio.wait({impatient}, timeout=0.001)
        impatient.cancel()
        await asyncio.gather(impatient, return_exceptions=True)
        assert await session.execute("query-name") == {}


# What stands at the borders of what QEMU's JSON takes, and some of what lies between.
SAYABLE = (
    "".join(map(chr, range(0x80))) + "é\ud7ff\ue000\ufdcf\ufdf0\ufffd😀\U0001fffd\U0010fffd[/x]"
)


async def test_any_sayable_text_reaches_qemu_unchanged(vm: Machine) -> None:
    async with session_with(vm.monitor) as (session, _):
        for text in (SAYABLE, "x" * 4000):
            with pytest.raises(CommandRefused) as refusal:
                await session.execute("block_resize", {"device": text, "size": 1})
            assert refusal.value.desc == f"Cannot find device='{text}' nor node-name=''"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        *(
            (character, f"U+{ord(character):04X}")
            for character in "\ud800\udc80\ufdd0\uffff\U0001fffe"
        ),
        (float("nan"), "Out of range float"),
        (Path("/x"), "not JSON serializable"),
    ],
)
async def test_what_qmp_cannot_say_is_not_sent(vm: Machine, value: object, says: str) -> None:
    async with session_with(vm.monitor) as (session, _):
        with pytest.raises(CommandUnsendable, match=r"^Not sent: ") as refusal:
            await session.execute("block_resize", {"device": value, "size": 1})
        assert says in refusal.value.desc.replace("\\", "")
        assert await session.execute("query-name") == {}


# --- events -------------------------------------------------------------------------------------


async def test_an_event_arrives_before_the_reply_of_its_command(vm: Machine) -> None:
    async with session_with(vm.monitor) as (session, events):
        await session.execute("cont")
        assert [event.event for event in events] == ["RESUME"]
        await session.execute("stop")
        assert [event.event for event in events] == ["RESUME", "STOP"]
    assert events[0].data == {}
    assert events[0].timestamp.epoch > 0


async def test_every_session_hears_what_another_caused(vm: Machine) -> None:
    async with session_with(vm.monitor) as (session, _), session_with(vm.second) as (other, events):
        await session.execute("cont")
        await other.execute("query-status")
        assert [event.event for event in events] == ["RESUME"]


async def test_a_handler_that_fails_is_logged_and_ends_nothing(
    vm: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: QmpEvent) -> None:
        raise LookupError(event.event)

    address = UnixAddress(path=vm.monitor)
    async with await QmpSession.connect(address, on_event=fail) as session:
        await session.execute("cont")
        await session.execute("stop")
    assert [r.message for r in caplog.records if r.name.startswith("tui")] == [
        "The handler of RESUME failed",
        "The handler of STOP failed",
    ]


async def test_an_event_that_is_none_is_dropped(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[QmpEvent] = []

    async def talk(line: Line) -> None:
        await line.greet()
        await line.say(b'{"event": 7}\n{"event": "X", "data": []}\n{"event": "GOOD"}\n')
        command = await line.hear()
        await line.say(b'{"return": 1, "id": "%s"}\n' % str(command["id"]).encode())
        await line.hold()

    async with (
        peer(place / "p.sock", talk) as address,
        await QmpSession.connect(address, on_event=events.append) as session,
    ):
        assert await session.execute("query-name") == 1
    assert [event.event for event in events] == ["GOOD"]
    assert sum(record.name.startswith("tui") for record in caplog.records) == 2
