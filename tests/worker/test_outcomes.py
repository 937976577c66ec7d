"""No outcome of a job is lost, and none is better than it was."""

import asyncio
import threading
from pathlib import Path

import pytest

from tests.qemu import QemuStarter
from tests.waiting import until as until_true
from tests.waiting import until_answered
from tests.worker.disks import MIB, drive, full_target, null, pattern, unreadable
from tests.worker.watching import (
    BRISK,
    J,
    backup,
    ended,
    linked,
    running,
    until,
    worker_of,
    written,
)
from tests.worker.wire import overhear
from tui.history import History
from tui.qmp.address import UnixAddress
from tui.qmp.errors import CommandRefused
from tui.vm.job import Outcome
from tui.vm.snapshot import Link
from tui.worker import VmWorker

# --- how it ended -------------------------------------------------------------------------------


async def test_a_source_that_cannot_be_read_fails_in_qemu_s_words(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*unreadable())
    async with worker_of(vm, tmp_path / "history") as worker:
        await worker.start(backup(vm))
        job = await ended(worker)
    assert (job.outcome, job.error) == (Outcome.FAILED, "Input/output error")
    (line,) = written(tmp_path / "history")
    assert (line["outcome"], line["detail"]) == ("failed", "Input/output error")


async def test_a_full_target_fails_in_qemu_s_words(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw", size=MIB)))
    target = {"target": full_target(tmp_path, MIB), "mode": "existing", "format": "raw"}
    async with worker_of(vm) as worker:
        await worker.start(backup(vm, **target))
        assert (await ended(worker)).error == "No space left on device"


async def test_a_full_target_pauses_a_job_that_is_to_stop(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw", size=MIB)))
    target = {"target": full_target(tmp_path, MIB), "mode": "existing", "format": "raw"}
    async with worker_of(vm) as worker:
        await worker.start(backup(vm, **target, on_target_error="stop"))
        job = await until(
            worker, lambda: (j := worker.snapshot.job(J)) and j.io_status == "nospace" and j
        )
        assert job
        assert (job.state, job.eta) == ("paused", None)
        await worker.cancel(J)
        assert (await ended(worker)).outcome is Outcome.CANCELLED


async def test_an_outcome_is_on_record_before_qemu_forgets_it(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null(MIB))
    history = tmp_path / "taken"
    history.mkdir()
    async with worker_of(vm, history) as worker:
        await worker.start(backup(vm))
        await until(worker, lambda: (j := worker.snapshot.job(J)) and j.outcome)
        await worker.refresh()
        assert [job["status"] for job in await vm.qmp("query-jobs")] == ["concluded"]
        history.rmdir()
        await ended(worker)
        assert await vm.qmp("query-jobs") == []
        assert [line["outcome"] for line in written(history)] == ["succeeded"]


async def test_an_outcome_is_settled_though_one_leaves_at_once(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null(MIB))
    async with worker_of(vm, tmp_path / "history") as worker:
        await worker.start(backup(vm))
        await until(worker, lambda: (j := worker.snapshot.job(J)) and j.outcome)
    assert [line["outcome"] for line in written(tmp_path / "history")] == ["succeeded"]
    assert await vm.qmp("query-jobs") == []


async def test_also_a_job_that_dismisses_itself_is_written_down(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null(MIB))
    async with worker_of(vm, tmp_path / "history") as worker:
        await worker.start(backup(vm, auto_dismiss=True))
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED
    (line,) = written(tmp_path / "history")
    assert (line["job"], line["outcome"], line["offset"]) == (J, "succeeded", MIB)
    assert line["command"]["arguments"] == backup(vm, auto_dismiss=True)


async def test_a_job_that_is_not_to_finalize_waits_and_succeeds(qemu: QemuStarter) -> None:
    vm = await qemu(*null(MIB))
    async with worker_of(vm) as worker:
        await worker.start(backup(vm, auto_finalize=False))
        await until(worker, lambda: (j := worker.snapshot.job(J)) and j.state == "pending")
        await vm.qmp("job-finalize", id=J)
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED


# --- other clients ------------------------------------------------------------------------------


async def test_a_foreign_job_shows_with_its_disk_and_target(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    async with worker_of(vm) as worker:
        await vm.qmp("drive-backup", {**backup(vm, sync="none"), "job-id": "theirs"})
        job = await until(worker, lambda: (j := worker.snapshot.job("theirs")) and j.device and j)
        assert job
        assert (job.ours, job.device_key, job.type) == (False, "d0", "backup")
        assert job.target == str(vm.directory / "target.img")
        disk = worker.snapshot.device("d0")
        assert disk is not None
        assert disk.obstacle == "busy with job theirs"
        await vm.qmp("block-job-cancel", device="theirs")
        await until(worker, lambda: (j := worker.snapshot.job("theirs")) and j.outcome)
        assert [job["status"] for job in await vm.qmp("query-jobs")] == ["concluded"]


async def test_a_cancellation_by_another_client_is_told_as_such(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    async with worker_of(vm) as worker:
        await worker.start(backup(vm, sync="none"))
        await vm.qmp("block-job-cancel", device=J)
        job = await ended(worker)
    assert (job.outcome, job.detail) == (Outcome.CANCELLED, "by another client")


async def test_to_cancel_what_is_not_there_is_refused(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    async with worker_of(vm) as worker:
        with pytest.raises(CommandRefused, match="Block job 'none' not found"):
            await worker.cancel("none")


async def test_a_dry_run_of_another_client_is_never_seen(qemu: QemuStarter) -> None:
    vm = await qemu(*null(MIB))
    await vm.qmp("blockdev-add", driver="null-co", node_name="nul", size=MIB)
    data = {"device": "d0", "target": "nul", "sync": "full", "job-id": "dry"}
    actions = [{"type": "blockdev-backup", "data": data}, {"type": "abort", "data": {}}]
    seen: set[str] = set()
    async with worker_of(vm) as worker:
        worker.subscribe(lambda: seen.update(job.id for job in worker.snapshot.jobs))
        with pytest.raises(Exception, match="Transaction aborted"):
            await vm.qmp("transaction", actions=actions)
        await until(worker, lambda: any(r.subject == "dry" for r in worker.events.since(0)))
        await worker.refresh()
    assert seen == set()


# --- coming back --------------------------------------------------------------------------------


async def test_a_running_job_is_found_again_and_its_outcome_seen(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null())
    async with worker_of(vm) as first:
        await first.start(backup(vm, sync="none"))
    async with worker_of(vm, tmp_path / "history") as second:
        job = second.snapshot.job(J)
        assert job is not None
        assert (job.ours, job.state, job.device) == (True, "running", "d0")
        assert job.target == str(vm.directory / "target.img")
        await second.cancel(J)
        job = await ended(second)
    assert (job.outcome, job.detail) == (Outcome.CANCELLED, "by us")
    assert [line["outcome"] for line in written(tmp_path / "history")] == ["cancelled"]


@pytest.mark.parametrize(
    ("disk", "outcome"), [(null(MIB), Outcome.SUCCEEDED), (unreadable(), Outcome.FAILED)]
)
async def test_a_job_that_concluded_unwatched_still_tells_its_outcome(
    qemu: QemuStarter, disk: tuple[str, ...], outcome: Outcome
) -> None:
    vm = await qemu(*disk)
    await vm.qmp("drive-backup", backup(vm))

    async def concluded() -> bool:
        return [job["status"] for job in await vm.qmp("query-jobs")] == ["concluded"]

    await until_answered(concluded)
    async with worker_of(vm) as worker:
        assert (await ended(worker)).outcome is outcome
        assert await vm.qmp("query-jobs") == []


async def test_a_start_that_was_cut_off_is_found_by_the_next_poll(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    async with (
        overhear(vm.monitor) as line,
        VmWorker(UnixAddress(path=line.path), pace=BRISK) as worker,
    ):
        starting = asyncio.create_task(worker.start(backup(vm, sync="none")))
        async with asyncio.timeout(20):
            while "drive-backup" not in line.names():
                await asyncio.sleep(0)
        starting.cancel()
        await asyncio.wait([starting])
        job = await until(worker, lambda: worker.snapshot.job(J))
        assert job is not None
        assert (job.ours, job.device) == (True, "d0")


# --- the end of QEMU ----------------------------------------------------------------------------


async def test_killed_qemu_loses_the_job_and_the_line(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*null())
    async with worker_of(vm, tmp_path / "history") as worker:
        await worker.start(backup(vm, sync="none"))
        await vm.kill()
        await linked(worker, Link.LOST)
        job = await ended(worker)
        assert (job.outcome, job.detail) == (Outcome.LOST, "QEMU has ended")
        await until_true((tmp_path / "history").exists)
        assert [line["outcome"] for line in written(tmp_path / "history")] == ["lost"]
        await until(worker, lambda: worker.snapshot.connection.advice)


async def test_a_quit_cancels_the_job(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*null())
    # Nothing is asked that could meet the closed socket.
    quiet = BRISK._replace(settle=10)
    async with running(worker_of(vm, tmp_path / "history", quiet)) as worker:
        await linked(worker, Link.CONNECTED)
        await worker.start(backup(vm, sync="none", auto_dismiss=True))
        await vm.qmp("quit")
        job = await ended(worker)
        await linked(worker, Link.LOST)
    assert (job.outcome, job.detail) == (Outcome.CANCELLED, "by QEMU quit")
    assert [line["outcome"] for line in written(tmp_path / "history")] == ["cancelled"]


async def test_a_job_that_goes_on_without_a_line_is_found_when_it_is_back(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null())
    async with overhear(vm.monitor) as line:
        worker = VmWorker(
            UnixAddress(path=line.path), history=History(tmp_path / "history"), pace=BRISK
        )
        async with running(worker):
            await linked(worker, Link.CONNECTED)
            await worker.start({**backup(vm, sync="none"), "job-id": "of-my-own"})
            line.cut()
            await linked(worker, Link.LOST)
            await linked(worker, Link.CONNECTED)
            job = worker.snapshot.job("of-my-own")
            assert job is not None
            assert (job.ours, job.live) == (True, True)
            await worker.cancel("of-my-own")
            assert (await ended(worker, "of-my-own")).outcome is Outcome.CANCELLED


class SlowDisk(History):
    """A record on a disk that writes nothing until it is let go on."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.goes_on = threading.Event()
        self.lines = 0

    def _append(self, line: str) -> None:
        self.lines += 1
        assert self.goes_on.wait(60)
        super()._append(line)


async def test_a_slow_disk_holds_nothing_up_and_gets_each_line_once(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null())
    disk = SlowDisk(tmp_path / "history")
    hasty = BRISK._replace(writing=0.05)
    worker = VmWorker(UnixAddress(path=vm.monitor), history=disk, pace=hasty)
    try:
        async with worker:
            await worker.start({**backup(vm, sync="none"), "job-id": "first"})
            await worker.cancel("first")
            await until_true(lambda: disk.lines == 1)
            # The watch goes on: another job is seen to come and to go.
            other = {"job-id": "second", "target": str(tmp_path / "second.img")}
            await worker.start({**backup(vm, sync="none"), **other})
            await worker.cancel("second")
            await until(worker, lambda: not worker.snapshot.live_jobs)
            assert {job["id"] for job in await vm.qmp("query-jobs")} == {"first", "second"}
            assert disk.lines == 1
            disk.goes_on.set()
            await ended(worker, "first")
            await ended(worker, "second")
    finally:
        disk.goes_on.set()
    assert [line["job"] for line in written(disk.path)] == ["first", "second"]


async def test_a_job_that_ends_before_it_is_asked_about_is_told_as_it_was_set_up(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    async with worker_of(vm) as worker:
        await worker.start(backup(vm))
        job = await ended(worker)
    assert (job.outcome, job.auto_finalize, job.auto_dismiss) == (Outcome.SUCCEEDED, True, False)
