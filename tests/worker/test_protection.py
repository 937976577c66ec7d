"""A VM that is protected by QEMU's own name or UUID is asked these, and then only asked."""

import asyncio
from pathlib import Path

import pytest

from tests.qemu import QemuStarter
from tests.waiting import until
from tests.worker.disks import null
from tests.worker.watching import backup
from tests.worker.wire import overhear
from tui.backup.way import Way
from tui.config import Settings
from tui.history import History
from tui.keeper import Keeper
from tui.qmp.address import UnixAddress
from tui.qmp.errors import CommandRefused, ReadOnly
from tui.qmp.gate import QUERIES
from tui.worker import Pace, VmWorker
from tui.worker.protection import Protection

UUID = "0b1e2f3a-1111-4222-8333-444455556666"


def test_names_and_uuids_whatever_their_case() -> None:
    protection = Protection(False, ("Web", "0B1E"))
    assert protection.covers("wEb", None)
    assert protection.covers("", "0b1e")
    assert not protection.covers("", None)
    assert not protection.covers("db", "0b1f")
    assert Protection(True).covers("db", None)


@pytest.mark.parametrize("told", ["web", "UUID"])
async def test_whatever_is_tried_a_protected_vm_sees_questions_alone(
    qemu: QemuStarter, told: str
) -> None:
    vm = await qemu("-name", "guest=web", "-uuid", UUID, *null())
    target = vm.directory / "new.img"
    async with overhear(vm.monitor) as line:
        pace = Pace(idle=0.2, busy=0.1, settle=0.02)
        protected = [UUID.upper() if told == "UUID" else told]
        async with VmWorker(UnixAddress(path=line.path), pace=pace, protected=protected) as worker:
            assert worker.snapshot.read_only
            arguments = backup(vm, target=str(target))
            for way in Way:
                with pytest.raises(ReadOnly):
                    await worker.start(arguments, way=way)
            with pytest.raises(ReadOnly):
                await worker.cancel("anything")
            # The house is kept by others: several rounds pass.
            await until(lambda: line.names().count("query-blockstats") > 5)
        assert set(line.names()) <= QUERIES
    assert not target.exists()


async def test_the_same_vm_is_told_things_when_another_is_protected(qemu: QemuStarter) -> None:
    vm = await qemu("-name", "guest=web", "-uuid", UUID, *null())
    async with VmWorker(UnixAddress(path=vm.monitor), protected=["db", UUID[:-1]]) as worker:
        assert not worker.snapshot.read_only
        with pytest.raises(CommandRefused) as refusal:
            await worker.cancel("anything")
        assert not isinstance(refusal.value, ReadOnly)


async def test_protection_holds_after_the_line_was_lost(qemu: QemuStarter) -> None:
    vm = await qemu("-name", "guest=web", *null())
    async with overhear(vm.monitor) as line:
        pace = Pace(back_off=(0.05,))
        worker = VmWorker(UnixAddress(path=line.path), pace=pace, protected=["web"])
        task = asyncio.create_task(worker.run())
        await until(lambda: worker.snapshot.loaded)
        line.cut()
        await until(lambda: worker.snapshot.connection.link == "lost")
        await until(lambda: worker.snapshot.connection.link == "connected")
        with pytest.raises(ReadOnly):
            await worker.start(backup(vm))
        task.cancel()
        await asyncio.wait([task])
        assert set(line.names()) <= QUERIES


async def test_refresh_as_it_is_set(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*null())
    async with overhear(vm.monitor) as line:
        settings = Settings(refresh={"idle": 0.2})
        keeper = Keeper(
            History(tmp_path / "history"), lambda: None, lambda error: None, settings=settings
        )
        await keeper.open(UnixAddress(path=line.path))
        # With the default of six seconds these would take a minute.
        await until(lambda: line.names().count("query-blockstats") > 10)
        await keeper.close()
