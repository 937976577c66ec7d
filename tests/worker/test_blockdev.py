"""A backup by nodes of its own leaves none of them behind, and is told when all is on the disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import QemuStarter, Vm
from tests.waiting import until_answered
from tests.worker.disks import MIB, drive, null, pattern, same, unreadable
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
from tui.backup.way import Way, default_way
from tui.qmp.address import UnixAddress
from tui.qmp.errors import CommandRefused
from tui.vm.job import Outcome
from tui.vm.snapshot import DRY_RUN_PREFIX, Link
from tui.worker import VmWorker


async def nodes(vm: Vm) -> list[str]:
    """The block nodes that have a name of their own."""
    graph = await vm.qmp("x-debug-query-block-graph")
    return sorted(n["name"] for n in graph["nodes"] if not n["name"].startswith("#"))


async def test_the_commands_reach_qemu_as_the_verdict_shows_them(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    async with overhear(vm.monitor) as line, VmWorker(UnixAddress(path=line.path)) as worker:
        verdict = await worker.judge(backup(vm), way=Way.BLOCKDEV, fresh=True)
        assert verdict.verdict != "reject"
        await worker.start(backup(vm), way=Way.BLOCKDEV)
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED
    sent = [{k: c[k] for k in ("execute", "arguments")} for c in line.commands if "arguments" in c]
    shown = [dict(command) for command in verdict.commands]
    assert [command for command in sent if command in shown] == shown
    assert "drive-backup" not in line.names()


async def test_the_target_is_closed_before_the_outcome_is_told(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    before = await nodes(vm)
    async with (
        overhear(vm.monitor) as line,
        VmWorker(UnixAddress(path=line.path), pace=BRISK) as worker,
    ):
        told: list[bool] = []

        def look() -> None:
            job = worker.snapshot.job(J)
            if job is not None and job.outcome is not None:
                told.append(line.names().count("blockdev-del") >= 2)

        worker.subscribe(look)
        await worker.start(backup(vm), way=Way.BLOCKDEV)
        job = await ended(worker)
    assert (job.outcome, job.target) == (Outcome.SUCCEEDED, str(vm.directory / "target.img"))
    assert told
    assert all(told)
    assert await nodes(vm) == before
    assert same(vm.directory / "target.img", tmp_path / "d.raw")


async def test_a_job_that_fails_leaves_no_node(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*unreadable())
    before = await nodes(vm)
    async with worker_of(vm, tmp_path / "history") as worker:
        await worker.start(backup(vm), way=Way.BLOCKDEV)
        job = await ended(worker)
    assert (job.outcome, job.error) == (Outcome.FAILED, "Input/output error")
    assert await nodes(vm) == before
    assert [line["outcome"] for line in written(tmp_path / "history")] == ["failed"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"target": "/no/such/directory/t.img"}, "Could not create"),
        ({"job-id": "9"}, "Invalid job ID"),
        ({"speed": -1}, "non-negative"),
        ({"mode": "existing"}, "No such file"),
    ],
)
async def test_a_start_that_comes_to_nothing_leaves_neither_node_nor_job(
    qemu: QemuStarter, wrong: dict[str, Any], words: str
) -> None:
    vm = await qemu(*null(MIB))
    before = await nodes(vm)
    async with worker_of(vm) as worker:
        with pytest.raises(CommandRefused, match=words):
            await worker.start({**backup(vm), **wrong}, way=Way.BLOCKDEV)
        assert await nodes(vm) == before
        assert await vm.qmp("query-jobs") == []
        assert (await worker.refresh()).jobs == ()
        await worker.start(backup(vm), way=Way.BLOCKDEV)
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED


async def test_a_lost_line_costs_neither_the_backup_nor_a_node(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    before = await nodes(vm)
    async with overhear(vm.monitor) as line:
        worker = VmWorker(UnixAddress(path=line.path), pace=BRISK)
        async with running(worker):
            await linked(worker, Link.CONNECTED)
            await worker.start(backup(vm, speed=64 << 10), way=Way.BLOCKDEV)
            line.cut()
            await linked(worker, Link.LOST)
            await vm.qmp("block-job-set-speed", device=J, speed=0)
            await linked(worker, Link.CONNECTED)
            assert (await ended(worker)).outcome is Outcome.SUCCEEDED
    assert await nodes(vm) == before
    assert same(vm.directory / "target.img", tmp_path / "d.raw")


@pytest.mark.parametrize("over", [False, True])
async def test_the_next_blockdeck_closes_what_one_left_that_was_killed(
    qemu: QemuStarter, tmp_path: Path, over: bool
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    before = await nodes(vm)
    async with worker_of(vm) as worker:
        plan = await worker.judge(backup(vm), way=Way.BLOCKDEV)
    await by_hand(vm, plan.commands, speed=0 if over else 64 << 10)
    if over:
        await until_answered(in_state(vm, "concluded"))
    async with worker_of(vm, tmp_path / "history") as worker:
        if not over:
            await vm.qmp("block-job-set-speed", device=J, speed=0)
        job = await ended(worker)
    assert job.outcome is Outcome.SUCCEEDED
    assert await nodes(vm) == before
    assert [line["outcome"] for line in written(tmp_path / "history")] == ["succeeded"]


async def by_hand(vm: Vm, commands: Any, speed: int) -> None:
    """Send the commands of a plan as somebody would who then goes away."""
    for command in commands:
        arguments = dict(command["arguments"])
        if command["execute"] == "blockdev-backup":
            arguments["speed"] = speed
        await vm.qmp(command["execute"], arguments)
        if command["execute"] == "blockdev-create":
            await until_answered(in_state(vm, "concluded"))
            await vm.qmp("job-dismiss", id=arguments["job-id"])


def in_state(vm: Vm, status: str) -> Callable[[], Any]:
    """Asks whether all jobs are in this state."""

    async def ask() -> bool:
        return all(job["status"] == status for job in await vm.qmp("query-jobs"))

    return ask


async def test_nodes_of_nobody_are_removed_in_time(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    before = await nodes(vm)
    async with worker_of(vm) as worker:
        plan = await worker.judge(backup(vm, job_id="of-my-own"), way=Way.BLOCKDEV)
    await by_hand(vm, plan.prepare, speed=0)
    # And one of a dry run, whose line was cut.
    await vm.qmp("blockdev-add", driver="null-co", node_name=f"{DRY_RUN_PREFIX}left")
    assert await nodes(vm) != before
    async with worker_of(vm, pace=BRISK._replace(inventory=0.1, orphan=0.3)) as worker:
        # They are no disks.
        assert [device.key for device in worker.snapshot.devices] == ["d0"]

        async def are_gone() -> bool:
            return await nodes(vm) == before

        await until_answered(are_gone)


async def test_a_disk_that_throws_its_writes_away_is_backed_up_and_keeps_its_base(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    base = pattern(tmp_path / "base.qcow2", fmt="qcow2")
    name, options = drive(base, "qcow2")
    vm = await qemu(name, f"{options},snapshot=on")
    async with worker_of(vm) as worker:
        assert worker.schema is not None
        disk = worker.snapshot.device("d0")
        assert default_way(worker.snapshot, disk, worker.schema) is Way.BLOCKDEV
        verdict = await worker.judge(backup(vm))
        assert "X3" in [finding.rule for finding in verdict.blockers()]
        verdict = await worker.judge(backup(vm), way=Way.BLOCKDEV)
        assert "X3" not in [finding.rule for finding in verdict.findings]
        await worker.start(backup(vm), way=Way.BLOCKDEV)
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED
    assert same(vm.directory / "target.img", tmp_path / "base.raw")
    assert base.exists()


async def test_a_target_that_cannot_be_closed_is_no_success(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    async with worker_of(vm) as worker:
        await worker.start(backup(vm, speed=64 << 10), way=Way.BLOCKDEV)
        job = worker.snapshot.job(J)
        assert job is not None
        top = job.target_nodes[0]
        # Somebody exports the backup while it is being made.
        await vm.qmp("nbd-server-start", addr=nbd(vm.directory / "nbd.sock"))
        await vm.qmp("block-export-add", type="nbd", id="e", node_name=top)
        await vm.qmp("block-job-set-speed", device=J, speed=0)
        job = await ended(worker)
    assert job.outcome is Outcome.FAILED
    assert job.detail.startswith("all of it was copied, but the target is not closed: Node")
    assert "is in use" in job.detail


def nbd(path: Path) -> dict[str, Any]:
    """Where an NBD server listens."""
    return {"type": "unix", "data": {"path": str(path)}}


async def test_a_qemu_that_dies_before_the_target_is_closed_gives_no_success(
    qemu: QemuStarter,
) -> None:
    vm = await qemu(*null())
    async with worker_of(vm) as worker:
        await worker.start(backup(vm, speed=64 << 10), way=Way.BLOCKDEV)
        await vm.kill()
        await linked(worker, Link.LOST)
        job = await until(worker, lambda: (j := worker.snapshot.job(J)) and j.outcome and j)
    assert job
    assert job.outcome is Outcome.LOST


async def test_a_making_of_an_image_that_nobody_waited_for_is_in_nobody_s_way(
    qemu: QemuStarter,
) -> None:
    vm = await qemu(*null(MIB))
    async with worker_of(vm) as worker:
        create = (await worker.judge(backup(vm), way=Way.BLOCKDEV)).commands[0]
        await vm.qmp("blockdev-create", create["arguments"])
        await until_answered(in_state(vm, "concluded"))
        await worker.start(backup(vm), way=Way.BLOCKDEV)
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED
    await vm.qmp("blockdev-create", create["arguments"])
    await until_answered(in_state(vm, "concluded"))
    async with worker_of(vm, pace=BRISK._replace(inventory=0.1, orphan=0.3)):

        async def is_gone() -> bool:
            return not await vm.qmp("query-jobs")

        await until_answered(is_gone)
