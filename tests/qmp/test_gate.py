"""Read-only, a session sends questions and nothing else; a witness is told of all else."""

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.qemu import QemuStarter, Vm
from tests.worker.wire import overhear
from tui.paths import STYLES
from tui.qmp.address import UnixAddress
from tui.qmp.errors import CommandRefused, CommandUnsendable, ConnectionLost, NotAnswering, ReadOnly
from tui.qmp.gate import QUERIES, Deed, Gate
from tui.qmp.models import QmpEvent
from tui.qmp.session import QmpSession

TUI = STYLES.parent / "tui"
DISK = ("-blockdev", "null-co,node-name=n0,read-zeroes=on,size=1048576")


def ignore(event: QmpEvent) -> None:
    """Events are of no concern here."""


async def session(path: Path, gate: Gate) -> QmpSession:
    return await QmpSession.connect(UnixAddress(path=path), on_event=ignore, gate=gate)


async def all_commands(vm: Vm) -> set[str]:
    return {entry["name"] for entry in await vm.qmp("query-commands")}


def questions_in_the_source() -> Iterator[str]:
    for file in TUI.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                name = node.value.removeprefix("x-debug-")
                if name.startswith("query-") and name.replace("-", "").isalpha():
                    yield node.value


def test_whatever_blockdeck_asks_may_be_asked_read_only() -> None:
    asked = set(questions_in_the_source())
    assert {"query-jobs", "x-debug-query-block-graph"} <= asked
    assert asked <= QUERIES


async def test_read_only_no_command_but_a_question_reaches_qemu(qemu: QemuStarter) -> None:
    vm = await qemu(*DISK)
    commands = await all_commands(vm) - QUERIES
    assert {"quit", "drive-backup", "transaction", "human-monitor-command"} <= commands
    async with overhear(vm.monitor) as line:
        async with await session(line.path, Gate(read_only=True)) as asking:
            for command in (*sorted(commands), "make-tea"):
                with pytest.raises(ReadOnly, match=f"BlockDeck is read-only: {command} was not"):
                    await asking.execute(command, {"id": "x"})
            await asking.execute("query-jobs")
        assert set(line.names()) == {"qmp_capabilities", "query-jobs"}


async def test_read_only_every_question_is_still_answered(qemu: QemuStarter) -> None:
    vm = await qemu(*DISK)
    questions = QUERIES & await all_commands(vm) - {"qmp_capabilities"}
    assert len(questions) > 10
    async with await session(vm.monitor, Gate(read_only=True)) as asking:
        for question in questions:
            assert await asking.execute(question) is not None


async def test_the_witness_is_told_of_every_answer_and_of_no_question(qemu: QemuStarter) -> None:
    vm = await qemu(*DISK)
    deeds: list[Deed] = []
    async with await session(vm.monitor, Gate(witness=deeds.append)) as doing:
        await doing.execute("query-status")
        await doing.execute("blockdev-del", {"node-name": "n0"}, timeout=5)
        with pytest.raises(CommandRefused):
            await doing.execute("job-cancel", {"id": "none"})
        with pytest.raises(CommandUnsendable):
            await doing.execute("job-cancel", {"id": "\ud800"})
    # Each is told of before it is sent, too.
    assert [deed.sent for deed in deeds] == [True, False, True, False]
    assert [deed.number for deed in deeds] == [1, 1, 2, 2]
    done, refused = deeds[1::2]
    assert (done.command, done.reply, done.error) == ("blockdev-del", {}, None)
    assert done.arguments == {"node-name": "n0"}
    assert refused.error == "Job not found"
    assert refused.error_class == "GenericError"
    assert done.wall > 1e9
    assert 0 < done.seconds < 5


async def test_the_witness_is_told_what_nobody_knows_the_answer_of(
    qemu: QemuStarter,
) -> None:
    vm = await qemu(*DISK)
    deeds: list[Deed] = []
    async with await session(vm.monitor, Gate(witness=deeds.append)) as doing:
        impatient = asyncio.create_task(doing.execute("stop"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait({impatient})
        with pytest.raises(NotAnswering):
            await doing.execute("stop", timeout=0)
        await vm.kill()
        await doing.closed()
        with pytest.raises(ConnectionLost):
            await doing.execute("stop")
    answers = [deed for deed in deeds if not deed.sent]
    assert [deed.error_class for deed in answers] == [None, None, None]
    cancelled, late, lost = (deed.error or "" for deed in answers)
    assert cancelled == "BlockDeck did not wait for the answer (CancelledError)"
    assert "did not answer stop" in late
    assert lost
