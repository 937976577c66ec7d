"""A start that comes to nothing on its way leaves no file, node, bitmap or point behind."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.chain.test_failures import files, two
from tests.chain.test_points import as_it_was, bitmaps, disks_of, full, holds, increment
from tests.faults.scene import graph
from tests.qemu import QemuStarter, Vm
from tests.waiting import until_answered
from tests.worker.watching import worker_of
from tui.agent import Freeze
from tui.chain.directory import chains_in
from tui.qmp.errors import NotAnswering
from tui.qmp.session import QmpSession

State = tuple[list[str], dict[str, list[str]], list[tuple[str, str]], Any]

CREATED = "blockdev-create"


class Snag:
    """Where a start comes to nothing: at its second image, in the freeze, or after its bitmaps."""

    def __init__(self, where: str, kind: str) -> None:
        self.where = where
        self.kind = kind
        self.reached = asyncio.Event()
        self._images = 0

    async def happens(self) -> None:
        """It does, once."""
        if self.reached.is_set():
            return
        self.reached.set()
        match self.kind:
            case "cancelled":
                await asyncio.Event().wait()
            case "a fault of the disk":
                raise OSError("a fault of the disk")
            case "no answer":
                raise NotAnswering("transaction", 0.1)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have it happen after QEMU has carried a command out."""
        execute = QmpSession.execute

        async def snagged(
            session: QmpSession,
            command: str,
            arguments: Mapping[str, Any] | None = None,
            **more: Any,
        ) -> object:
            answer = await execute(session, command, arguments, **more)
            self._images += command == CREATED
            # Each image takes two: its file, and what is in it.
            if self.where == "prepare" and self._images == 3:
                await self.happens()
            adds = command == "transaction" and "properties" not in (arguments or {})
            if self.where == "between" and adds:
                await self.happens()
            return answer

        monkeypatch.setattr(QmpSession, "execute", snagged)

    @contextlib.asynccontextmanager
    async def freeze(self) -> AsyncIterator[Freeze]:
        """What is around the transactions."""
        if self.where == "freeze":
            await self.happens()
        yield Freeze()


async def state(vm: Vm, place: Path) -> State:
    """All that a start could leave behind."""
    return files(place), await bitmaps(vm), await graph(vm), chains_in(place)


@pytest.mark.parametrize("act", ["begin", "go on"])
@pytest.mark.parametrize("where", ["prepare", "freeze", "between"])
@pytest.mark.parametrize("kind", ["cancelled", "a fault of the disk", "no answer"])
async def test_nothing_is_left_of_a_start_that_comes_to_nothing(
    qemu: QemuStarter,
    tmp_path: Path,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    act: str,
    where: str,
    kind: str,
) -> None:
    vm, disks = await two(qemu, tmp_path)
    async with worker_of(vm, tmp_path / "history") as worker:
        moments = [as_it_was(disks)] if act == "go on" else []
        kept = await full(worker, disks, place) if act == "go on" else None
        before = await state(vm, place)
        snag = Snag(where, kind)
        snag.install(monkeypatch)

        async def start() -> None:
            if kept is None:
                devices = disks_of(worker, disks)
                point = worker.chains.begin(devices, place, freeze=snag.freeze)
            else:
                point = worker.chains.go_on(kept, freeze=snag.freeze)
            async with point:
                raise AssertionError("it started")

        starting = asyncio.create_task(start())
        if kind == "cancelled":
            await snag.reached.wait()
            starting.cancel()
        with pytest.raises((asyncio.CancelledError, OSError, NotAnswering)):
            await starting

        async def is_clean() -> bool:
            return await state(vm, place) == before

        # QEMU 5.2 holds on to a file for a while.
        await until_answered(is_clean)
        assert await vm.qmp("query-jobs") == []
        # And nothing of it is in the way of the next.
        moments.append(as_it_was(disks))
        kept = await increment(worker, kept) if kept else await full(worker, disks, place)
    await holds(kept, moments, tmp_path)
