"""BlockDeck is killed when the image of a fleece has been made, and QEMU has not opened it yet."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import ROOT, blockdeck
from tests.qemu import QemuStarter, Vm
from tests.waiting import until, until_answered
from tests.worker.test_fleece import SWEEPING, named
from tests.worker.test_fleece import fast as fast
from tests.worker.test_fleece import vm as vm
from tests.worker.watching import backup, worker_of
from tui.backup.way import Way
from tui.paths import state_directory
from tui.qmp.errors import CommandRefused, QmpError
from tui.qmp.session import QmpSession
from tui.records.kept_care import Keeper
from tui.records.kept_fleece import FLEECES

KILLED = """
import os, signal, sys
from tui.cli import main
from tui.qmp.session import QmpSession

execute = QmpSession.execute

async def killed_before_it_opens(self, command, arguments=None, **more):
    opens = command == "blockdev-add" and "filename" in arguments
    if opens and arguments.get("filename", "").endswith(".fleece"):
        os.kill(os.getpid(), signal.SIGKILL)
    return await execute(self, command, arguments, **more)

QmpSession.execute = killed_before_it_opens
sys.exit(main())
"""


async def left_by_a_killed_one(vm: Vm, fast: Path) -> Path:
    """What is left in a directory by a BlockDeck that was killed there."""
    words = ("backup", vm.monitor, "device=d0", f"target={vm.directory}/t.qcow2", "format=qcow2")
    command = (sys.executable, "-c", KILLED, *map(str, words), "--fleece", str(fast))
    killed = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=PIPE)
    told = await asyncio.wait_for(killed.communicate(), 60)
    assert killed.returncode == -9, told
    (left,) = fast.iterdir()
    return left


def on_record() -> list[Path]:
    """The files that are known to be about to be made."""
    return list((state_directory() / FLEECES).glob("*.json"))


async def test_the_next_blockdeck_deletes_it_and_leftovers_name_it(vm: Vm, fast: Path) -> None:
    before = await named(vm)
    left = await left_by_a_killed_one(vm, fast)
    assert left.stat().st_size == 0
    # What only has such a name is somebody else's.
    other = left.with_name(left.name.replace("blockdeck-to-", "blockdeck-to-0"))
    other.touch()

    done = await blockdeck("leftovers", vm.monitor)
    assert f"file {left} (made by BlockDeck)" in done.out
    assert "deletes it by itself" in done.out
    assert left.exists()

    history = state_directory() / "history.jsonl"
    async with worker_of(vm, history, SWEEPING) as worker:

        async def swept() -> bool:
            return not left.exists() and await named(vm) == before and not worker.leftovers

        await until_answered(swept)
        await until(lambda: on_record() == [])
    assert list(fast.iterdir()) == [other]


async def test_it_is_deleted_by_whoever_comes_when_its_qemu_has_ended_as_well(
    vm: Vm, qemu: QemuStarter, fast: Path
) -> None:
    left = await left_by_a_killed_one(vm, fast)
    history = state_directory() / "history.jsonl"
    other = await qemu()
    async with worker_of(other, history, SWEEPING) as worker:
        await worker.examine()
        # Its QEMU still runs, and is the one to be asked.
        assert worker.leftovers == ()
        assert left.exists()
        await vm.kill()
        await until(lambda: not left.exists())
        await until(lambda: on_record() == [])


def written(left: Path) -> None:
    """Somebody has put something into it."""
    left.write_bytes(b"x")


def replaced(left: Path) -> None:
    """Something else has its name."""
    left.unlink()
    left.symlink_to(left.with_name("elsewhere"))


@pytest.mark.parametrize("spoiled", [written, replaced])
async def test_one_that_is_no_empty_file_any_more_stays_and_is_told_of(
    vm: Vm, fast: Path, spoiled: Callable[[Path], None]
) -> None:
    before = await named(vm)
    left = await left_by_a_killed_one(vm, fast)
    spoiled(left)
    history = state_directory() / "history.jsonl"
    async with worker_of(vm, history, SWEEPING) as worker:

        async def swept() -> bool:
            return await named(vm) == before and len(worker.leftovers) == 1

        await until_answered(swept)
        (one,) = worker.leftovers
    assert one.name == str(left)
    assert "no empty file any more" in one.why
    assert one.remedy is None
    assert os.path.lexists(left)


async def test_one_whose_blockdeck_lives_is_left_to_it(vm: Vm, fast: Path) -> None:
    before = await named(vm)
    left = await left_by_a_killed_one(vm, fast)
    # As if this process had it made, and were about to have it opened.
    (record,) = on_record()
    alive = {**json.loads(record.read_text()), "keeper": Keeper.present().model_dump()}
    record.write_text(json.dumps(alive))
    history = state_directory() / "history.jsonl"
    async with worker_of(vm, history, SWEEPING) as worker:

        async def swept() -> bool:
            return await named(vm) == before and not worker.leftovers

        await until_answered(swept)
    assert left.exists()
    assert on_record() == [record]


async def test_of_a_start_that_was_refused_nothing_is_on_record(
    vm: Vm, fast: Path, tmp_path: Path
) -> None:
    history = state_directory() / "history.jsonl"
    async with worker_of(vm, history) as worker:
        request = backup(vm, target=str(tmp_path / "nowhere" / "t.qcow2"))
        with pytest.raises(CommandRefused):
            await worker.start(request, way=Way.BLOCKDEV, fleece=str(fast))
    assert on_record() == []
    assert list(fast.iterdir()) == []


async def test_one_whose_qemu_is_killed_before_it_opens_it_is_deleted_at_once(
    vm: Vm, fast: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    execute = QmpSession.execute

    async def dead_before_it_opens(
        self: QmpSession, command: str, arguments: Any = None, **more: Any
    ) -> Any:
        if command == "blockdev-add" and arguments.get("filename", "").endswith(".fleece"):
            made.extend(fast.iterdir())
            await vm.kill()
        return await execute(self, command, arguments, **more)

    monkeypatch.setattr(QmpSession, "execute", dead_before_it_opens)
    history = state_directory() / "history.jsonl"
    async with worker_of(vm, history) as worker:
        with pytest.raises(QmpError):
            await worker.start(backup(vm), way=Way.BLOCKDEV, fleece=str(fast))
        assert len(made) == 1
        assert list(fast.iterdir()) == []


async def test_one_that_qemu_makes_after_it_was_given_up_is_deleted_then(
    vm: Vm, fast: Path
) -> None:
    before = await named(vm)
    left = await left_by_a_killed_one(vm, fast)
    # As if it had not answered in time: nobody keeps it, and it has not made the file so far.
    (record,) = on_record()
    record.write_text(json.dumps({**json.loads(record.read_text()), "keeper": None}))
    left.unlink()
    history = state_directory() / "history.jsonl"
    async with worker_of(vm, history, SWEEPING) as worker:
        # The job that makes it is still QEMU's.
        assert on_record() == [record]
        left.touch()

        async def swept() -> bool:
            return not left.exists() and await named(vm) == before and not worker.leftovers

        await until_answered(swept)
        await until(lambda: on_record() == [])
