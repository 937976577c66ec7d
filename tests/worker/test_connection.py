"""A worker outlives its line, its QEMU and its subscribers."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.qemu import QemuStarter
from tests.qemu import qemu as qemu_in
from tests.waiting import until as until_true
from tests.worker.disks import null
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
from tests.worker.wire import Command, overhear, silent
from tui.history import History
from tui.qmp.address import UnixAddress
from tui.qmp.errors import ConnectFailure, ConnectionLost, NotAnswering
from tui.vm.job import Outcome
from tui.vm.snapshot import Link
from tui.worker import VmWorker


@pytest.fixture(autouse=True)
async def no_task_is_left() -> AsyncIterator[None]:
    """Whatever a worker began is over when it is left."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert [task for task in left if not task.done()] == []


# --- coming about -------------------------------------------------------------------------------


async def test_everything_is_known_once_it_is_entered(qemu: QemuStarter) -> None:
    vm = await qemu("-name", "mail [/x]", *null())
    async with worker_of(vm) as worker:
        snapshot = worker.snapshot
        assert (snapshot.name, snapshot.run_state, snapshot.loaded) == (
            "mail [/x]",
            "prelaunch",
            True,
        )
        assert snapshot.major >= 5
        assert [device.key for device in snapshot.devices] == ["d0"]
        assert snapshot.connection.link is Link.CONNECTED
        assert worker.schema is not None
        assert worker.schema.has_command("drive-backup")
        assert worker.process is not None
        assert worker.process.pid == vm.pid


async def test_no_such_socket_is_raised_where_it_is_entered(tmp_path: Path) -> None:
    with pytest.raises(ConnectFailure):
        async with VmWorker(UnixAddress(path=tmp_path / "none")):
            pass


async def test_no_such_socket_is_shown_where_it_runs_until_there_is_one(tmp_path: Path) -> None:
    worker = VmWorker(UnixAddress(path=tmp_path / "vm/monitor.sock"), pace=BRISK)
    async with running(worker):
        await linked(worker, Link.LOST)
        assert worker.snapshot.connection.detail
        with pytest.raises(ConnectionLost):
            await worker.start({})
        async with qemu_in(tmp_path / "vm"):
            await linked(worker, Link.CONNECTED)


async def test_run_state_follows_the_vm(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    async with worker_of(vm) as worker:
        await vm.qmp("cont")
        await until(worker, lambda: worker.snapshot.run_state == "running")
        await vm.qmp("stop")
        await until(worker, lambda: worker.snapshot.run_state == "paused")
        assert [record.name for record in worker.events.since(0)] == ["RESUME", "STOP"]


# --- leaving ------------------------------------------------------------------------------------


async def test_it_is_left_at_once_though_qemu_answers_nothing(tmp_path: Path) -> None:
    async with silent(tmp_path / "s.sock") as path:
        worker = VmWorker(UnixAddress(path=path))
        entering = asyncio.create_task(worker.__aenter__())
        await asyncio.wait([entering], timeout=0.2)
        began = time.monotonic()
        entering.cancel()
        await asyncio.wait([entering])
        assert time.monotonic() - began < 2
        assert entering.cancelled()


async def test_it_is_left_at_once_though_qemu_is_stopped(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    try:
        async with worker_of(vm) as worker:
            await worker.start(backup(vm, sync="none"))
            os.kill(vm.pid, signal.SIGSTOP)
            began = time.monotonic()
        assert time.monotonic() - began < 2
    finally:
        os.kill(vm.pid, signal.SIGCONT)
    assert [job["status"] for job in await vm.qmp("query-jobs")] == ["running"]


# --- a QEMU that does not answer ----------------------------------------------------------------


async def test_a_stopped_qemu_is_told_and_believed_again(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    async with worker_of(vm, pace=BRISK._replace(idle=0.1, command=0.3)) as worker:
        await worker.start(backup(vm, sync="none"))
        os.kill(vm.pid, signal.SIGSTOP)
        try:
            await linked(worker, Link.NOT_ANSWERING)
            assert "did not answer" in worker.snapshot.connection.detail
            with pytest.raises(NotAnswering):
                await worker.cancel(J)
        finally:
            os.kill(vm.pid, signal.SIGCONT)
        await linked(worker, Link.CONNECTED)
        # The command that nobody waited for was carried out all the same, and it was ours.
        job = await ended(worker)
        assert (job.outcome, job.detail) == (Outcome.CANCELLED, "by us")


async def test_a_start_that_qemu_was_slow_to_answer_is_ours(qemu: QemuStarter) -> None:
    vm = await qemu(*null())

    def stop_qemu(command: Command) -> None:
        if command["execute"] == "drive-backup":
            os.kill(vm.pid, signal.SIGSTOP)

    async with (
        overhear(vm.monitor) as line,
        VmWorker(UnixAddress(path=line.path), pace=BRISK._replace(command=1.0)) as worker,
    ):
        line.before = stop_qemu
        try:
            with pytest.raises(NotAnswering, match="drive-backup"):
                await worker.start({**backup(vm, sync="none"), "job-id": "mine"})
        finally:
            os.kill(vm.pid, signal.SIGCONT)
        job = await until(worker, lambda: worker.snapshot.job("mine"))
        assert job is not None
        assert (job.ours, job.device) == (True, "d0")


# --- another QEMU -------------------------------------------------------------------------------


async def test_a_qemu_that_takes_the_place_of_another_is_another_vm(tmp_path: Path) -> None:
    path = tmp_path / "vm"
    worker = VmWorker(UnixAddress(path=path / "monitor.sock"), pace=BRISK)
    async with running(worker):
        async with qemu_in(path, "-name", "first", *null()) as first:
            await linked(worker, Link.CONNECTED)
            await worker.start(backup(first, sync="none"))
            await first.kill()
            await linked(worker, Link.LOST)
        for socket in path.glob("*.sock"):
            socket.unlink()
        async with qemu_in(path, "-name", "second", *null(name="d1")):
            await linked(worker, Link.CONNECTED)
            snapshot = worker.snapshot
            assert snapshot.name == "second"
            assert [device.key for device in snapshot.devices] == ["d1"]
            assert [job.outcome for job in snapshot.jobs] == [Outcome.LOST]


async def test_also_a_qemu_that_cannot_be_seen_is_told_from_another(tmp_path: Path) -> None:
    path = tmp_path / "vm"
    (tmp_path / "vm").mkdir()
    async with overhear(path / "monitor.sock") as line:
        worker = VmWorker(UnixAddress(path=line.path), pace=BRISK)
        async with running(worker):
            async with qemu_in(path, *null()) as first:
                await linked(worker, Link.CONNECTED)
                assert worker.process is None
                await worker.start(backup(first, sync="none"))
                await first.kill()
                await linked(worker, Link.LOST)
            for socket in path.glob("*.sock"):
                socket.unlink()
            async with qemu_in(path, *null()):
                await linked(worker, Link.CONNECTED)
                assert (await ended(worker)).outcome is Outcome.LOST


async def test_a_qemu_that_cannot_be_seen_has_ended_once_nobody_listens(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null())
    history = tmp_path / "history"
    async with overhear(vm.monitor) as line:
        worker = VmWorker(UnixAddress(path=line.path), history=History(history), pace=BRISK)
        async with running(worker):
            await linked(worker, Link.CONNECTED)
            assert worker.process is None
            await worker.start(backup(vm, sync="none"))
            assert await until(worker, lambda: worker.snapshot.live_jobs)
            await vm.kill()
            job = await ended(worker)
            assert job.outcome is Outcome.LOST
            assert job.detail == "nobody listens at its monitor any more"
            assert worker.snapshot.run_state == ""
            await until_true(history.exists)
            assert [line["outcome"] for line in written(history)] == ["lost"]


async def test_a_line_that_only_breaks_loses_no_job(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    async with overhear(vm.monitor) as line:
        worker = VmWorker(UnixAddress(path=line.path), pace=BRISK)
        async with running(worker):
            await linked(worker, Link.CONNECTED)
            await worker.start(backup(vm, sync="none"))
            for _ in range(3):
                line.cut()
                await linked(worker, Link.LOST)
                (job,) = worker.snapshot.live_jobs
                assert (job.state, job.heard) == ("running", False)
                await linked(worker, Link.CONNECTED)
                (job,) = worker.snapshot.live_jobs
                assert job.heard


# --- subscribers --------------------------------------------------------------------------------


async def test_a_subscriber_that_fails_harms_nobody(
    qemu: QemuStarter, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise LookupError("a view's own fault")

    vm = await qemu(*null())
    async with worker_of(vm) as worker:
        worker.subscribe(fail)
        await vm.qmp("cont")
        await until(worker, lambda: worker.snapshot.run_state == "running")
    assert "a subscriber failed" in caplog.messages


async def test_a_subscription_ends_once(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    heard: list[str] = []
    async with worker_of(vm) as worker:
        unsubscribe = worker.subscribe(lambda: heard.append("x"))
        kept = worker.subscribe(lambda: None)
        unsubscribe()
        unsubscribe()
        worker.clear_finished()
        kept()
    assert heard == []
