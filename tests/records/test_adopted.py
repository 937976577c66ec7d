"""What an earlier BlockDeck asked for is known to the next, and when nobody watched."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import PC, QemuStarter
from tests.waiting import until_answered
from tests.worker.disks import MIB, null
from tests.worker.watching import BRISK, J, backup, ended, linked, running, until, worker_of
from tests.worker.wire import overhear
from tui.history import History
from tui.qmp.address import UnixAddress
from tui.qmp.errors import CommandRefused
from tui.vm.snapshot import Link
from tui.vm.timeline import timeline
from tui.worker import VmWorker


def report(directory: Path) -> dict[str, Any]:
    """The only one."""
    (path,) = (directory / "reports").glob("*.json")
    read = json.loads(path.read_bytes())
    assert isinstance(read, dict)
    return read


def kept(directory: Path) -> list[Path]:
    """What is kept of backups that run."""
    return sorted((directory / "requests").glob("*.json"))


async def test_the_report_of_an_adopted_job_is_whole(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*null(64 * MIB))
    history = tmp_path / "history"
    asked = backup(vm, speed=1)
    async with worker_of(vm, history) as first:
        await first.start(asked, warnings=("It is slow. [SLOW, accepted]",))
        started = first.snapshot.job(J)
        assert started is not None
    (file,) = kept(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    async with worker_of(vm, history) as second:
        await until(second, lambda: (j := second.snapshot.job(J)) and j.command)
        job = second.snapshot.job(J)
        assert job is not None
        assert job.command == started.command
        assert job.wall_started == pytest.approx(started.wall_started, abs=1)
        moments = timeline(second.events.since(0), J, job.wall_started)
        assert [m.words for m in moments if m.words.startswith("not watched from ")]
        await second.cancel(J)
        await ended(second)
        await until(second, lambda: not kept(tmp_path))
    told = report(tmp_path)
    assert told["arguments"] == asked
    assert told["way"] == "drive-backup"
    assert told["warnings"] == ["It is slow. [SLOW, accepted]"]
    assert told["started"] is not None
    assert told["seconds"] > 0
    (gap,) = told["not_watched"]
    assert told["started"] <= gap["since"] <= gap["until"] <= told["ended"]
    (text,) = (tmp_path / "reports").glob("*.txt")
    assert "\nunwatched  " in text.read_text()


async def test_of_a_job_that_ended_unwatched_only_what_is_known_is_told(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null(64 * MIB))
    async with worker_of(vm, tmp_path / "history") as first:
        await first.start(backup(vm, speed=1))
    await vm.qmp("block-job-set-speed", device=J, speed=0)

    async def concluded() -> bool:
        return [job["status"] for job in await vm.qmp("query-jobs")] == ["concluded"]

    await until_answered(concluded)
    async with worker_of(vm, tmp_path / "history") as second:
        await ended(second)
    told = report(tmp_path)
    assert told["outcome"] == "succeeded"
    assert told["started"] is not None
    assert (told["seconds"], told["mean_rate"]) == (None, None)
    assert len(told["not_watched"]) == 1


async def test_the_same_id_on_another_qemu_is_another_job(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null(64 * MIB))
    async with worker_of(vm, tmp_path / "history") as first:
        await first.start(backup(vm, speed=1))
    await vm.kill()
    other = await qemu(*null(64 * MIB))
    await other.qmp("drive-backup", backup(other, speed=1))
    async with worker_of(other, tmp_path / "history") as second:
        await until(second, lambda: second.snapshot.job(J))
        await second.cancel(J)
        await ended(second)
    told = report(tmp_path)
    assert (told["arguments"], told["started"]) == (None, None)


async def test_the_same_id_behind_the_same_far_monitor_is_another_job(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    """As over SSH, where the process of the QEMU is not seen."""
    vm = await qemu(*PC, *null(64 * MIB))
    history, path = History(tmp_path / "history"), tmp_path / "far"
    async with (
        overhear(vm.monitor, path),
        VmWorker(UnixAddress(path=path), history=history, pace=BRISK) as first,
    ):
        assert first.process is None
        await first.start(backup(vm, speed=1))
    # The same one is known again.
    async with (
        overhear(vm.monitor, path),
        VmWorker(UnixAddress(path=path), history=history, pace=BRISK) as second,
    ):
        await until(second, lambda: (job := second.snapshot.job(J)) and job.command)
    await vm.kill()
    other = await qemu(*PC, *null(64 * MIB))
    await other.qmp("drive-backup", backup(other, speed=1))
    async with (
        overhear(other.monitor, path),
        VmWorker(UnixAddress(path=path), history=history, pace=BRISK) as third,
    ):
        await until(third, lambda: third.snapshot.job(J))
        await third.cancel(J)
        await ended(third)
    told = report(tmp_path)
    assert (told["arguments"], told["started"]) == (None, None)


async def test_a_refused_start_leaves_nothing_behind(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*null(64 * MIB))
    async with worker_of(vm, tmp_path / "history") as worker:
        with pytest.raises(CommandRefused):
            await worker.start(backup(vm, target="/nowhere/at/all.qcow2"))
    assert kept(tmp_path) == []


async def test_a_lost_line_is_a_gap_in_the_events_and_in_the_report(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null(64 * MIB))
    async with overhear(vm.monitor) as line:
        worker = VmWorker(
            UnixAddress(path=line.path), history=History(tmp_path / "history"), pace=BRISK
        )
        async with running(worker):
            await linked(worker, Link.CONNECTED)
            await worker.start(backup(vm, speed=1))
            line.cut()
            await linked(worker, Link.LOST)
            await linked(worker, Link.CONNECTED)
            (mark,) = (e for e in worker.events.since(0) if e.name == "NOT_WATCHED")
            assert mark.meaning.startswith("not watched from ")
            await worker.cancel(J)
            await ended(worker)
    assert len(report(tmp_path)["not_watched"]) == 1
