"""QEMU itself dies, or is stopped, in the middle of a backup."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.faults.scene import WAYS, Scene, graph, is_clean, wanted
from tests.guest import booted, brief_guest_disk, guest_disk
from tests.qemu import QemuStarter
from tests.qemu import qemu as qemu_in
from tests.waiting import until as until_true
from tests.worker.disks import MIB
from tests.worker.test_rescue import goes_on
from tests.worker.watching import BRISK, J, ended, linked, running, until, worker_of, written
from tui.backup.way import Way
from tui.history import History
from tui.qmp.address import UnixAddress
from tui.vm.job import Outcome
from tui.vm.snapshot import Link
from tui.vm.trouble import find_trouble
from tui.worker import VmWorker

HASTY = BRISK._replace(idle=0.1, command=0.5)


@contextlib.contextmanager
def halted(pid: int) -> Iterator[None]:
    """Stop a process for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.asynccontextmanager
async def backup_of_a_guest(qemu: QemuStarter, directory: Path, way: Way) -> AsyncIterator[Scene]:
    """A guest that writes, and a backup of it that goes on until it is let run."""
    vm = await qemu(*booted(guest_disk(directory / "disk.raw", 8 * MIB)))
    await vm.qmp("cont")
    before = await graph(vm)
    history = directory / "history"
    async with worker_of(vm, history, HASTY) as worker:
        await worker.start(wanted(directory, speed=64 << 10), way=way)
        await until(worker, lambda: (j := worker.snapshot.job(J)) and j.offset > 0)
        yield Scene(vm, worker, before, history)


@pytest.mark.parametrize("way", WAYS)
async def test_after_a_halt_guest_and_backup_go_on_as_if_nothing_had_been(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    async with backup_of_a_guest(qemu, tmp_path, way) as scene:
        worker = scene.worker
        with halted(scene.vm.pid):
            await linked(worker, Link.NOT_ANSWERING)
            # What was known stands; nothing is made up.
            assert (scene.job.state, scene.job.outcome) == ("running", None)
            assert worker.snapshot.run_state == "running"
            assert "did not answer" in worker.snapshot.connection.detail
        await linked(worker, Link.CONNECTED)
        assert (scene.job.state, scene.job.outcome) == ("running", None)
        await goes_on(scene.vm)
        await scene.vm.qmp("block-job-set-speed", device=J, speed=0)
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED
        await until_true(scene.history.exists)
        assert [line["outcome"] for line in written(scene.history)] == ["succeeded"]
        await is_clean(scene.vm, scene.before)
        await goes_on(scene.vm)


@pytest.mark.parametrize("way", WAYS)
async def test_a_backup_that_ended_while_nobody_was_answered_has_its_true_outcome(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    async with backup_of_a_guest(qemu, tmp_path, way) as scene:
        with halted(scene.vm.pid):
            await linked(scene.worker, Link.NOT_ANSWERING)
            asking = asyncio.create_task(scene.vm.qmp("block-job-cancel", device=J))
            await asyncio.sleep(0)
        await asking
        job = await ended(scene.worker)
        assert (job.outcome, job.detail) == (Outcome.CANCELLED, "by another client")
        await is_clean(scene.vm, scene.before)
        await goes_on(scene.vm)


@pytest.mark.parametrize("way", WAYS)
async def test_a_guest_that_turns_itself_off_has_cancelled_its_backup(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    vm = await qemu(*booted(brief_guest_disk(tmp_path / "disk.raw")))
    history = tmp_path / "history"
    worker = worker_of(vm, history)
    async with running(worker):
        await linked(worker, Link.CONNECTED)
        await worker.start(wanted(tmp_path, speed=1), way=way)
        assert await until(worker, lambda: worker.snapshot.live_jobs)
        await vm.qmp("cont")
        job = await ended(worker)
        assert (job.outcome, job.detail) == (Outcome.CANCELLED, "by guest shutdown")
        await linked(worker, Link.LOST)
        await until_true(history.exists)
        assert [line["outcome"] for line in written(history)] == ["cancelled"]
        await until(worker, lambda: worker.snapshot.run_state == "")
        assert find_trouble(worker.snapshot) is None
        (device,) = worker.snapshot.devices
        assert (device.jobs, device.busy_with, device.io_status) == ((), None, None)
        told = [event.meaning for event in worker.events.since(0) if event.name == "SHUTDOWN"]
        assert told == ["VM shuts down, asked by the guest (guest-shutdown)"]
    assert (await vm.ended()).startswith("QEMU ended (0)")


@pytest.mark.parametrize("way", WAYS)
async def test_with_a_killed_qemu_the_backup_is_lost_and_its_successor_starts_clean(
    tmp_path: Path, way: Way
) -> None:
    place = tmp_path / "vm"
    history = tmp_path / "history"
    disk = booted(guest_disk(tmp_path / "disk.raw", 8 * MIB))
    address = UnixAddress(path=place / "monitor.sock")
    worker = VmWorker(address, history=History(history), pace=HASTY)
    async with running(worker):
        async with qemu_in(place, *disk) as first:
            await first.qmp("cont")
            await linked(worker, Link.CONNECTED)
            await worker.start(wanted(tmp_path, speed=64 << 10), way=way)
            await until(worker, lambda: worker.snapshot.job(J))
            await first.kill()
            await linked(worker, Link.LOST)
            job = await ended(worker)
            assert (job.outcome, job.detail) == (Outcome.LOST, "QEMU has ended")
            assert worker.snapshot.live_jobs == ()
        assert [line["outcome"] for line in written(history)] == ["lost"]
        events = worker.events.total
        for socket in place.glob("*.sock"):
            socket.unlink()
        async with qemu_in(place, *disk) as second:
            await linked(worker, Link.CONNECTED)
            # The disk is free, nothing of the first QEMU is told of the second.
            (device,) = worker.snapshot.devices
            assert (device.jobs, device.busy_with, device.obstacle) == ((), None, None)
            assert worker.snapshot.run_state == "prelaunch"
            assert [job.outcome for job in worker.snapshot.jobs] == [Outcome.LOST]
            # But for the mark of when nobody watched.
            assert [event.name for event in worker.events.since(events)] == ["NOT_WATCHED"]
            before = await graph(second)
            await second.qmp("cont")
            await worker.start(wanted(tmp_path, target=str(tmp_path / "again.qcow2")), way=way)
            assert (await ended(worker)).outcome is Outcome.SUCCEEDED
            await is_clean(second, before)
            await goes_on(second)
    assert [line["outcome"] for line in written(history)] == ["lost", "succeeded"]
