"""Read-only: everything is seen, and nothing that is tried changes anything."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import QemuStarter, Vm
from tests.waiting import until_answered
from tests.worker.disks import MIB, null
from tests.worker.watching import BRISK, J, backup, until, worker_of
from tests.worker.wire import overhear
from tui.backup.way import Way
from tui.qmp.address import UnixAddress
from tui.qmp.errors import CommandRefused, ReadOnly
from tui.qmp.gate import QUERIES
from tui.records.audit import AuditLog
from tui.vm.job import OUR_JOB_PREFIX, Job
from tui.vm.snapshot import DRY_RUN_PREFIX
from tui.vm.target_nodes import TARGET_PREFIX
from tui.vm.verbs import Act, Verb, command_name
from tui.worker import VmWorker

THEIRS = "theirs"
OVER = f"{OUR_JOB_PREFIX}over"
HASTY = BRISK._replace(orphan=0.0, inventory=0.05)
"""Whatever looks abandoned is swept away at once, by who may."""

_LASTING = ("driver", "node-name", "id", "type", "device", "status", "speed", "error", "nodes")


async def a_vm_with_something_to_do(qemu: QemuStarter) -> Vm:
    """Another client's job, one of ours that is over, and what a killed BlockDeck left."""
    vm = await qemu(*null(), *null(name="d1"), *null(MIB, name="d2"))
    await vm.qmp("drive-backup", backup(vm, device="d1", job_id=THEIRS, speed=1))
    over = backup(vm, device="d2", job_id=OVER, target=str(vm.directory / "over.img"))
    await vm.qmp("drive-backup", over)
    for name in (f"{DRY_RUN_PREFIX}1", f"{TARGET_PREFIX}1"):
        await vm.qmp("blockdev-add", driver="null-co", node_name=name, size=MIB)

    async def concluded() -> bool:
        return any(job["status"] == "concluded" for job in await vm.qmp("query-jobs"))

    await until_answered(concluded)
    return vm


async def picture(vm: Vm) -> str:
    """All of QEMU that can be changed, without what moves by itself, as the second monitor sees."""
    parts = []
    for question in (
        *("query-jobs", "query-block-jobs", "query-status"),
        *("query-named-block-nodes", "x-debug-query-block-graph"),
    ):
        reply = await vm.qmp(question)
        parts.append(_lasting(reply))
    return json.dumps(parts, sort_keys=True, indent=1)


def _lasting(value: Any) -> Any:
    if isinstance(value, list):
        return [_lasting(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _lasting(inner) for key, inner in value.items() if key in _LASTING}
    return value


def intents(worker: VmWorker, vm: Vm) -> dict[str, Callable[[], Awaitable[object]]]:
    """Everything that changes something when it may."""
    arguments = backup(vm, target=str(vm.directory / "new.img"))
    acts = {
        f"{verb} of {job}": lambda verb=verb, job=job: worker.act(job, Act(verb, speed=5))
        for verb in Verb
        if worker.schema and command_name(verb, worker.schema.has_command, Job("j", "mirror"))
        for job in (THEIRS, OVER)
    }
    return {
        "start": lambda: worker.start(arguments),
        "start by nodes": lambda: worker.start(arguments, way=Way.BLOCKDEV),
        "cancel": lambda: worker.cancel(THEIRS),
        **acts,
    }


async def test_whatever_is_tried_qemu_sees_questions_alone(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await a_vm_with_something_to_do(qemu)
    before = await picture(vm)
    vm.events.clear()
    history, audit = tmp_path / "history", AuditLog(tmp_path / "audit.jsonl")
    async with overhear(vm.monitor) as line:
        worker = VmWorker(UnixAddress(path=line.path), pace=HASTY, audit=audit, read_only=True)
        async with worker:
            assert worker.snapshot.read_only
            assert await worker.referee(backup(vm)) is None
            for name, intent in intents(worker, vm).items():
                with pytest.raises(CommandRefused) as refusal:
                    await intent()
                assert isinstance(refusal.value, ReadOnly), name
                assert "read-only" in str(refusal.value)
            # The house is kept by others: several rounds pass over what could be cleared away.
            asked = len(line.names())
            await until(worker, lambda: line.names()[asked:].count("query-block") > 3)
            assert {job.id for job in worker.snapshot.jobs} == {THEIRS, OVER}
        assert set(line.names()) <= QUERIES
    await audit.close()
    assert await picture(vm) == before
    assert not (vm.directory / "new.img").exists()
    assert not audit.path.exists()
    assert not history.exists()


async def test_the_same_things_are_done_when_they_may_be(qemu: QemuStarter) -> None:
    """What the test above shows to be left alone would not stay alone otherwise."""
    vm = await a_vm_with_something_to_do(qemu)
    async with worker_of(vm, pace=HASTY) as worker:
        await worker.act(THEIRS, Act(Verb.SET_SPEED, speed=5))
        await worker.start(backup(vm, sync="none", target=str(vm.directory / "new.img")))

        async def cleared() -> bool:
            names = {node["node-name"] for node in await vm.qmp("query-named-block-nodes")}
            jobs = {job["device"]: job for job in await vm.qmp("query-block-jobs")}
            return (
                not any(name.startswith((DRY_RUN_PREFIX, TARGET_PREFIX)) for name in names)
                and set(jobs) == {THEIRS, J}
                and jobs[THEIRS]["speed"] == 5
            )

        await until_answered(cleared)


async def test_a_job_of_ours_that_is_over_is_left_for_who_may_record_it(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null(MIB))
    await vm.qmp("drive-backup", backup(vm))

    async def concluded() -> bool:
        return [job["status"] for job in await vm.qmp("query-jobs")] == ["concluded"]

    await until_answered(concluded)
    history = tmp_path / "history"
    async with worker_of(vm, history, read_only=True) as looking:
        job = await until(looking, lambda: (j := looking.snapshot.job(J)) and j.outcome and j)
        assert job
    assert await concluded()
    assert not history.exists()
    async with worker_of(vm, history):

        async def dismissed() -> bool:
            return not await vm.qmp("query-jobs")

        await until_answered(dismissed)
    assert len(history.read_text().splitlines()) == 1


async def test_read_only_also_after_the_line_was_lost(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    async with overhear(vm.monitor) as line:
        worker = VmWorker(UnixAddress(path=line.path), pace=HASTY, read_only=True)
        task = asyncio.create_task(worker.run())
        await until(worker, lambda: worker.snapshot.loaded)
        line.cut()
        await until(worker, lambda: worker.snapshot.connection.link == "lost")
        await until(worker, lambda: worker.snapshot.connection.link == "connected")
        with pytest.raises(ReadOnly):
            await worker.start(backup(vm))
        task.cancel()
        await asyncio.wait([task])
        assert set(line.names()) <= QUERIES
