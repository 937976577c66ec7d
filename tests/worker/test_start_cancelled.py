"""Who starts a backup is cancelled in the middle: what was made is removed, or the job has it."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import QemuStarter, Vm
from tests.waiting import until, until_answered
from tests.worker.disks import pattern, same
from tests.worker.test_fleece import by_drive, named, vm_of
from tests.worker.watching import BRISK, J, backup, ended
from tui.backup.way import Way
from tui.history import History
from tui.qmp.address import UnixAddress
from tui.qmp.session import QmpSession
from tui.records.kept import KeptRequest, RequestStore
from tui.vm.job import Outcome
from tui.worker import VmWorker


class StuckStore(RequestStore):
    """A store on a disk that does not answer until it is told to."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.asked, self.answers = threading.Event(), threading.Event()

    def keep(self, qemu: str, kept: KeptRequest) -> None:
        """Put it on the disk, some time."""
        self.asked.set()
        self.answers.wait()
        super().keep(qemu, kept)


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[StuckStore]:
    """A disk that is let go in the end."""
    store = StuckStore(tmp_path / "requests")
    yield store
    store.answers.set()


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A running VM with a disk."""
    return await vm_of(qemu, tmp_path, by_drive)


@pytest.mark.parametrize("fleeces", [True, False], ids=["fleece", "plain"])
async def test_while_the_request_is_kept_nothing_was_sent_and_nothing_is_left(
    vm: Vm, tmp_path: Path, stuck: StuckStore, fleeces: bool
) -> None:
    before = await named(vm)
    history = History(tmp_path / "history.jsonl")
    history.requests = stuck
    (tmp_path / "fast").mkdir()
    fleece = str(tmp_path / "fast") if fleeces else ""
    async with VmWorker(UnixAddress(path=vm.monitor), history=history, pace=BRISK) as worker:
        starting = asyncio.create_task(
            worker.start(backup(vm), way=Way.BLOCKDEV, fleece=fleece), name="start"
        )
        await until(stuck.asked.is_set)
        assert await named(vm) != before
        starting.cancel()
        stuck.answers.set()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert await named(vm) == before
        assert await vm.qmp("query-jobs") == []
        assert worker.snapshot.job(J) is None
    assert list((tmp_path / "requests").glob("*.json")) == []
    assert list((tmp_path / "fast").iterdir()) == []


async def test_a_job_that_qemu_has_begun_all_the_same_keeps_its_nodes(
    vm: Vm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await named(vm)
    (tmp_path / "fast").mkdir()
    execute = QmpSession.execute

    async def cancelled_meanwhile(
        self: QmpSession, command: str, arguments: Mapping[str, Any] | None = None, **more: Any
    ) -> object:
        if command == "blockdev-backup" and (arguments or {}).get("job-id") == J:
            # It is on its way when this takes effect.
            asyncio.get_running_loop().call_later(0, starting.cancel)
        return await execute(self, command, arguments, **more)

    async with VmWorker(UnixAddress(path=vm.monitor), pace=BRISK) as worker:
        monkeypatch.setattr(QmpSession, "execute", cancelled_meanwhile)
        starting = asyncio.create_task(
            worker.start(backup(vm), way=Way.BLOCKDEV, fleece=str(tmp_path / "fast"))
        )
        with pytest.raises(asyncio.CancelledError):
            await starting
        job = await ended(worker)
        assert job.outcome is Outcome.SUCCEEDED

        async def clean() -> bool:
            return await named(vm) == before

        await until_answered(clean)
    assert same(vm.directory / "target.img", pattern(tmp_path / "as-it-was.raw"))
