"""One VM at a time is kept, and left without a trace."""

import asyncio
from pathlib import Path

import pytest

from tests.qemu import QemuStarter
from tests.waiting import until
from tui.history import History
from tui.keeper import Keeper
from tui.qmp.address import UnixAddress
from tui.vm.snapshot import Link
from tui.worker import VmWorker

DISK = ("-blockdev", "null-co,node-name=disk0,read-zeroes=on")


class Kept:
    """A keeper, and what it said."""

    def __init__(self, state: Path) -> None:
        self.changes = 0
        self.faults: list[BaseException] = []
        self.keeper = Keeper(History(state / "history.jsonl"), self._changed, self.faults.append)

    def _changed(self) -> None:
        self.changes += 1

    @property
    def link(self) -> Link | None:
        """How the connection stands."""
        worker = self.keeper.worker
        return worker.snapshot.connection.link if worker else None


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


async def test_one_vm_after_the_other(kept: Kept, qemu: QemuStarter) -> None:
    first, second = await qemu(*DISK), await qemu(*DISK)
    await kept.keeper.open(UnixAddress(path=first.monitor))
    await until(lambda: kept.link is Link.CONNECTED)
    one = kept.keeper.worker
    assert kept.changes > 0

    await kept.keeper.open(UnixAddress(path=second.monitor))
    await until(lambda: kept.link is Link.CONNECTED)
    assert kept.keeper.worker is not one

    # The first monitor is free: it serves another client at once.
    other = Kept(second.directory)
    await other.keeper.open(UnixAddress(path=first.monitor))
    await until(lambda: other.link is Link.CONNECTED)
    await other.keeper.close()
    await kept.keeper.close()
    assert kept.keeper.worker is None
    assert kept.faults == other.faults == []


async def test_nothing_is_told_after_the_close(kept: Kept, qemu: QemuStarter) -> None:
    vm = await qemu(*DISK)
    await kept.keeper.open(UnixAddress(path=vm.monitor))
    await until(lambda: kept.link is Link.CONNECTED)
    await kept.keeper.close()
    await kept.keeper.close()
    told = kept.changes
    await vm.kill()
    await asyncio.sleep(0.1)
    assert kept.changes == told
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("watch ")] == []


async def test_a_fault_of_the_program_is_told_once(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def fail(self: VmWorker) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(VmWorker, "run", fail)
    await kept.keeper.open(UnixAddress(path=tmp_path / "monitor"))
    await until(lambda: kept.faults)
    assert [type(fault) for fault in kept.faults] == [ZeroDivisionError]
    await kept.keeper.close()
