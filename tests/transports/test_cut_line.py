"""A line to another host that is cut in mid-backup: the backup runs on, and is found again."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import QemuStarter
from tests.transports.over_ssh import HOST, address_of, know, ssh_server
from tests.waiting import until as until_true
from tests.worker.disks import MIB, drive, null, pattern, same
from tests.worker.watching import BRISK, J, backup, ended, linked, running, until
from tui.qmp.session import QmpSession
from tui.vm.job import Outcome
from tui.vm.snapshot import Link
from tui.worker import VmWorker


async def test_the_backup_runs_on_and_is_adopted(qemu: QemuStarter, tmp_path: Path) -> None:
    image = pattern(tmp_path / "disk.raw", size=8 * MIB)
    vm = await qemu(*drive(image))
    with ssh_server() as sshd:
        know(sshd)
        worker = VmWorker(address_of(sshd, vm.monitor), pace=BRISK)
        async with running(worker):
            await linked(worker, Link.CONNECTED)
            # Nothing of this host is taken for the other's, though here they are the same.
            assert worker.process is None
            facts = await worker.look_at(str(tmp_path))
            assert facts is not None
            assert facts.visible is False
            await worker.start(backup(vm, speed=MIB))
            await until(worker, lambda: worker.snapshot.live_jobs)

            sshd.cut()
            await linked(worker, Link.LOST)
            assert f"The SSH connection to {HOST} was lost" in worker.snapshot.connection.detail
            (meanwhile,) = await vm.qmp("query-jobs")
            assert meanwhile["status"] == "running"

            await linked(worker, Link.CONNECTED)
            job = await until(worker, lambda: worker.snapshot.job(J))
            assert job is not None
            assert (job.live, job.ours, job.device) == (True, True, "d0")
            await vm.qmp("block-job-set-speed", device=J, speed=0)
            job = await ended(worker)
            assert job.outcome is Outcome.SUCCEEDED
        await asyncio.to_thread(_compare, tmp_path, vm.directory / "target.img", image)


async def test_while_the_host_is_away_it_is_tried_again(qemu: QemuStarter) -> None:
    vm = await qemu("-name", "far")
    with ssh_server() as sshd:
        home = know(sshd)
        worker = VmWorker(address_of(sshd, vm.monitor), pace=BRISK)
        async with running(worker):
            await linked(worker, Link.CONNECTED)
            known = (home / "known_hosts").read_text()
            # Whoever answers in its place is not let in.
            (home / "known_hosts").write_text("")
            sshd.cut()
            await until(
                worker,
                lambda: "not among your known hosts" in worker.snapshot.connection.detail,
            )
            assert worker.snapshot.connection.link is Link.LOST
            (home / "known_hosts").write_text(known)
            await linked(worker, Link.CONNECTED)


async def test_a_qemu_that_was_killed_there_has_lost_its_backup(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    with ssh_server() as sshd:
        know(sshd)
        worker = VmWorker(address_of(sshd, vm.monitor), pace=BRISK)
        async with running(worker):
            await linked(worker, Link.CONNECTED)
            await worker.start(backup(vm, sync="none"))
            assert await until(worker, lambda: worker.snapshot.live_jobs)
            await vm.kill()
            job = await ended(worker)
            assert job.outcome is Outcome.LOST
            assert job.detail == "nobody listens at its monitor any more"


async def test_while_no_sshd_listens_nothing_is_said_of_the_qemu(
    qemu: QemuStarter, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm = await qemu(*null())
    tries = []
    connect = QmpSession.connect

    async def counted(*which: Any, **how: Any) -> QmpSession:
        tries.append(which)
        return await connect(*which, **how)

    monkeypatch.setattr(QmpSession, "connect", counted)
    with ssh_server() as sshd:
        know(sshd)
        worker = VmWorker(address_of(sshd, vm.monitor), pace=BRISK)
        async with running(worker):
            await linked(worker, Link.CONNECTED)
            await worker.start(backup(vm, sync="none"))
            assert await until(worker, lambda: worker.snapshot.live_jobs)
            sshd.stop()
            await until(
                worker, lambda: "No SSH server listens" in worker.snapshot.connection.detail
            )
            before = len(tries)
            await until_true(lambda: len(tries) > before + 3)
            (job,) = worker.snapshot.live_jobs
            assert not job.heard
    (meanwhile,) = await vm.qmp("query-jobs")
    assert meanwhile["status"] == "running"


def _compare(directory: Path, target: Path, image: Path) -> None:
    assert same(target, image), directory
