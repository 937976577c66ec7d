"""QEMU is asked as little as may be, and never what would kill it."""

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

from tests.qemu import QemuStarter, Vm
from tests.worker.disks import drive, null, pattern
from tests.worker.watching import BRISK, J, backup, ended, until
from tests.worker.wire import Overheard, old_qemu, overhear
from tui.backup.way import Way
from tui.qmp.address import UnixAddress
from tui.vm.job import Outcome
from tui.vm.snapshot import Link
from tui.worker import Pace, VmWorker

CONCLUDED = {
    "id": J,
    "type": "backup",
    "status": "concluded",
    "current-progress": 8,
    "total-progress": 8,
}


@contextlib.asynccontextmanager
async def overheard(vm: Vm, pace: Pace) -> AsyncIterator[tuple[VmWorker, Overheard]]:
    """A worker of a VM, and all that it asks."""
    async with (
        overhear(vm.monitor) as line,
        VmWorker(UnixAddress(path=line.path), pace=pace) as worker,
    ):
        yield worker, line


async def test_an_idle_vm_costs_one_command_at_a_time(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    pace = Pace(idle=0.3, busy=0.1, settle=0.02)
    async with overheard(vm, pace) as (worker, line):
        before, began = len(line.commands), time.monotonic()
        await until(worker, lambda: len(line.commands) - before >= 4)
        assert set(line.names()[before:]) == {"query-blockstats"}
        assert time.monotonic() - began >= 2 * pace.idle


async def test_a_first_rate_is_told_soon_though_the_vm_is_idle(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    async with VmWorker(UnixAddress(path=vm.monitor), pace=Pace(idle=60)) as worker:
        (device,) = worker.snapshot.devices
        assert device.throughput is None
        await until(worker, lambda: worker.snapshot.devices[0].throughput is not None, within=4)


async def test_the_default_pace_leaves_an_idle_vm_alone_for_seconds() -> None:
    assert Pace().idle >= 5
    assert Pace().busy >= 0.5


async def test_a_burst_of_events_is_answered_with_one_look(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    pace = Pace(idle=30, busy=30, settle=0.5)
    async with overheard(vm, pace) as (worker, line):
        await until(worker, lambda: line.names()[-1] == "query-blockstats")
        before = len(line.commands)
        for _ in range(50):
            await vm.qmp("cont")
            await vm.qmp("stop")
        await until(worker, lambda: worker.events.total == 100)
        await until(worker, lambda: worker.snapshot.run_state == "paused")
        assert line.names()[before:].count("query-status") <= 10


async def test_events_come_in_the_order_of_qemu_and_before_the_reply(qemu: QemuStarter) -> None:
    vm = await qemu(*null(1 << 20))
    async with VmWorker(UnixAddress(path=vm.monitor), pace=BRISK) as worker:
        await worker.start(backup(vm, auto_dismiss=True))
        heard = [record.event.data.get("status") for record in worker.events.since(0)]
        assert heard[:2] == ["created", "running"]
        await ended(worker)
        said = [r.event.data.get("status", r.name) for r in worker.events.since(0)]
        assert said[-5:] == ["waiting", "pending", "BLOCK_JOB_COMPLETED", "concluded", "null"]


async def test_a_rate_and_the_time_left_are_told_while_it_copies(qemu: QemuStarter) -> None:
    vm = await qemu("-drive", "if=none,id=d0,file.driver=null-co,file.size=64M,format=raw")
    async with VmWorker(UnixAddress(path=vm.monitor), pace=BRISK) as worker:
        await worker.start(backup(vm, format="raw", speed=8 << 20))
        job = await until(worker, lambda: (j := worker.snapshot.job(J)) and j.eta and j)
        assert job
        assert job.rate
        assert job.fraction is not None
        assert 0 <= job.fraction < 1
        assert job.speed == 8 << 20
        await worker.cancel(J)
        await ended(worker)


async def test_an_old_qemu_is_never_asked_for_nodes_while_a_job_is_there(tmp_path: Path) -> None:
    async with old_qemu(tmp_path / "old.sock", [CONCLUDED]) as old:
        async with VmWorker(UnixAddress(path=old.path), pace=BRISK) as worker:
            assert worker.snapshot.major == 5
            await worker.refresh()
            assert (await ended(worker)).outcome is Outcome.SUCCEEDED
            await until(worker, lambda: "query-named-block-nodes" in old.commands)
            assert old.commands.index("job-dismiss") < old.commands.index("query-named-block-nodes")
        assert not old.died


async def test_a_vm_that_shuts_down_is_left_to_say_its_last_words(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    await vm.qmp("drive-backup", backup(vm, sync="none"))
    async with overheard(vm, Pace(idle=30, busy=30, settle=0)) as (worker, line):
        # The last question of the first round has been answered.
        await until(worker, lambda: line.names().count("query-blockstats") == 2)
        before = len(line.commands)
        await vm.qmp("quit")
        await until(worker, lambda: worker.snapshot.connection.link is Link.LOST)
        job = worker.snapshot.job(J)
        assert job is not None
        assert (job.outcome, job.detail) == (Outcome.CANCELLED, "by QEMU quit")
        assert line.commands[before:] == []


async def test_a_vm_that_outlives_its_shutdown_is_asked_on(qemu: QemuStarter) -> None:
    vm = await qemu("-no-reboot", "-no-shutdown", *null())
    async with VmWorker(UnixAddress(path=vm.monitor), pace=BRISK) as worker:
        await worker.start(backup(vm, sync="none"))
        await vm.qmp("cont")
        await vm.qmp("system_reset")
        await until(worker, lambda: worker.snapshot.run_state == "shutdown", within=4)
        assert {"SHUTDOWN", "STOP"} <= {record.name for record in worker.events.since(0)}
        await vm.qmp("block-job-cancel", device=J)
        assert (await ended(worker)).detail == "by another client"


async def test_hints_that_never_cease_are_answered_ever_less_often(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    pace = Pace(idle=60, busy=60, settle=0.05)
    async with overheard(vm, pace) as (worker, line):
        await until(worker, lambda: line.names()[-1] == "query-blockstats")
        before, began, sent = len(line.commands), time.monotonic(), 0
        while time.monotonic() - began < 3:
            await vm.qmp("cont")
            await vm.qmp("stop")
            sent += 2
        looks = line.names()[before:].count("query-status")
        # A hint that follows on a look within that time waits twice as long.
        assert 1 <= looks <= (time.monotonic() - began) / (2 * pace.settle) + 2
        # What is so in the end is seen all the same.
        await until(worker, lambda: worker.snapshot.run_state == "paused", within=60)
        await until(worker, lambda: worker.events.total == sent)


async def test_the_end_of_a_backup_waits_for_no_hints_to_settle(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    pace = Pace(idle=60, busy=60, settle=30)
    async with VmWorker(UnixAddress(path=vm.monitor), pace=pace) as worker:
        await worker.start(backup(vm), way=Way.BLOCKDEV)
        # All of it is on the disk only when its nodes are closed, which is done in a look.
        outcome = await until(
            worker, lambda: (seen := worker.snapshot.job(J)) and seen.outcome, within=10
        )
        assert outcome is Outcome.SUCCEEDED
