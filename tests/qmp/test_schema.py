"""The schema tells what one QEMU takes: read from the real one, and in the shape of an old one."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.qmp.connecting import ignore
from tests.qmp.machine import Machine
from tests.qmp.peers import GREETING, Line, Talk, peer
from tests.waiting import until
from tui.qmp.address import UnixAddress
from tui.qmp.errors import UnexpectedReply
from tui.qmp.known_schemas import read_schema
from tui.qmp.schema import Argument, EnumValue, QmpSchema
from tui.qmp.session import QmpSession


@pytest.fixture
async def session(vm: Machine) -> AsyncIterator[QmpSession]:
    async with await QmpSession.connect(UnixAddress(path=vm.monitor), on_event=ignore) as opened:
        yield opened


async def test_it_knows_the_arguments_of_drive_backup(session: QmpSession) -> None:
    schema = await read_schema(session)
    arguments = {argument.name: argument for argument in schema.arguments("drive-backup")}
    assert {name for name, a in arguments.items() if a.required} == {"device", "sync", "target"}
    assert arguments["device"] == Argument(name="device", kind="str", required=True)
    assert arguments["speed"].kind == "int"
    assert arguments["compress"].kind == "bool"
    assert schema.enum("drive-backup", "sync") == ("top", "full", "none", "incremental", "bitmap")
    perf = arguments["x-perf"]
    assert perf.kind == "object"
    assert perf.features == {"unstable"}
    assert {member.name for member in perf.members} >= {"max-workers", "max-chunk"}


async def test_it_knows_commands_events_and_drivers(session: QmpSession) -> None:
    schema = await read_schema(session)
    assert schema.has_command("drive-backup")
    assert not schema.has_command("make-tea")
    assert not schema.has_command("BLOCK_JOB_COMPLETED")
    assert "deprecated" in schema.command_features("drive-backup")
    assert {"BLOCK_JOB_COMPLETED", "JOB_STATUS_CHANGE"} <= set(schema.events())
    assert {"qcow2", "raw"} <= set(schema.block_drivers())


async def test_what_is_unknown_has_nothing(session: QmpSession) -> None:
    schema = await read_schema(session)
    assert schema.arguments("make-tea") == ()
    assert schema.command_features("make-tea") == frozenset()
    assert schema.enum("drive-backup", "tea") == ()
    assert schema.argument("drive-backup", "tea") is None
    assert schema.enum("drive-backup", "target") == ()


async def test_every_command_of_a_real_qemu_can_be_read(session: QmpSession) -> None:
    schema = await read_schema(session)
    listed = await session.execute("query-commands")
    assert isinstance(listed, list)
    names = [entry["name"] for entry in listed]
    assert len(names) > 100
    assert all(schema.has_command(name) for name in names)
    kinds = {argument.kind for name in names for argument in schema.arguments(name)}
    assert kinds <= {"str", "int", "bool", "number", "any", "enum", "object", "array", "alternate"}


async def test_it_is_read_once_for_a_version(session: QmpSession, vm: Machine) -> None:
    schema = await read_schema(session)
    async with await QmpSession.connect(UnixAddress(path=vm.second), on_event=ignore) as other:
        assert await read_schema(other) is schema


def tells(version: int, asked: list[str], may_answer: asyncio.Event) -> Talk:
    """A QEMU of that version that tells its schema when it may."""

    async def talk(line: Line) -> None:
        await line.say(GREETING.replace(b'"major": 9', b'"major": %d' % version))
        await line.hear()
        await line.say(b'{"return": {}}\r\n')
        with contextlib.suppress(json.JSONDecodeError):
            command = await line.hear()
            asked.append(str(command["execute"]))
            await may_answer.wait()
            reply = {"return": OLD, "id": command["id"]}
            await line.say(json.dumps(reply).encode() + b"\n")
        await line.hold()

    return talk


async def test_of_many_that_are_opened_at_once_one_is_asked_for_all(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However busy the machine is.
    monkeypatch.setattr("tui.qmp.known_schemas._PATIENCE", 20.0)
    asked: list[str] = []
    go_on = asyncio.Event()
    async with (
        peer(place / "p.sock", tells(91, asked, go_on)) as address,
        contextlib.AsyncExitStack() as opened,
    ):
        sessions = [
            await opened.enter_async_context(
                await QmpSession.connect(address, on_event=ignore, timeout=20)
            )
            for _ in range(5)
        ]
        async with asyncio.timeout(20):
            reads = [asyncio.create_task(read_schema(each)) for each in sessions]
            await until(lambda: asked)
            go_on.set()
            schemas = await asyncio.gather(*reads)
        assert all(schema is schemas[0] for schema in schemas)
        assert asked == ["query-qmp-schema"]


async def test_one_that_hangs_keeps_its_version_from_no_other(place: Path) -> None:
    asked: list[str] = []
    never, at_once = asyncio.Event(), asyncio.Event()
    at_once.set()
    async with (
        peer(place / "p.sock", tells(92, asked, never)) as hanging,
        peer(place / "q.sock", tells(92, asked, at_once)) as well,
        await QmpSession.connect(hanging, on_event=ignore, timeout=20) as first,
        await QmpSession.connect(well, on_event=ignore, timeout=20) as other,
    ):
        waits = asyncio.create_task(read_schema(first))
        await until(lambda: asked)
        schema = await asyncio.wait_for(read_schema(other), 20)
        assert schema.has_command("drive-backup")
        assert not waits.done()
        never.set()
        assert await asyncio.wait_for(waits, 20) is schema


async def test_a_reply_that_is_no_schema_is_told(place: Path) -> None:
    async def talk(line: Line) -> None:
        await line.greet()
        command = await line.hear()
        await line.say(b'{"return": [{"name": 7, "meta-type": "command"}], "id": "%s"}\n'
                       % str(command["id"]).encode())  # fmt: skip
        await line.hold()

    async with (
        peer(place / "p.sock", talk) as address,
        await QmpSession.connect(address, on_event=ignore) as opened,
    ):
        with pytest.raises(UnexpectedReply, match="query-qmp-schema"):
            await asyncio.wait_for(read_schema(opened), 5)


OLD = [
    {"name": "drive-backup", "meta-type": "command", "arg-type": "0", "ret-type": "2"},
    {
        "name": "0",
        "meta-type": "object",
        "members": [
            {"name": "sync", "type": "1"},
            {"name": "speed", "type": "int", "default": None},
            {"name": "nodes", "type": "[int]", "default": None},
            {"name": "self", "type": "0", "default": None},
        ],
    },
    {"name": "1", "meta-type": "enum", "values": ["top", "full"]},
    {"name": "2", "meta-type": "object", "members": []},
    {"name": "int", "meta-type": "builtin", "json-type": "int"},
    {"name": "[int]", "meta-type": "array", "element-type": "int"},
]


def test_an_old_enumeration_without_members_is_read() -> None:
    schema = QmpSchema.from_reply(OLD)
    sync, speed, nodes, itself = schema.arguments("drive-backup")
    assert sync.required
    assert sync.values == (EnumValue(name="top"), EnumValue(name="full"))
    assert (speed.kind, speed.required) == ("int", False)
    assert nodes.kind == "array"
    # A type may contain itself; it is opened once.
    assert (itself.kind, itself.members) == ("object", ())


def test_what_a_newer_qemu_adds_is_passed_over() -> None:
    newer = [*OLD, {"name": "9", "meta-type": "tensor", "shape": [1]}]
    newer[2] = {
        "name": "1",
        "meta-type": "enum",
        "values": ["top"],
        "members": [{"name": "top", "features": ["deprecated"], "since": "12.0"}],
    }
    (sync, *_) = QmpSchema.from_reply(newer).arguments("drive-backup")
    assert sync.values == (EnumValue(name="top", features=frozenset({"deprecated"})),)


@pytest.mark.parametrize("reply", [None, {}, [7], [{"meta-type": "enum"}], "text"])
def test_what_is_no_schema_is_refused(reply: object) -> None:
    with pytest.raises(ValidationError):
        QmpSchema.from_reply(reply)
