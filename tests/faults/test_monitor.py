"""A monitor that talks garbage, or says nothing more, in the middle of a backup."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.line import BadLine, bad_line
from tests.faults.scene import WAYS, Scene, graph, is_clean, wanted
from tests.guest import booted, guest_disk
from tests.qemu import QemuStarter
from tests.waiting import until as until_true
from tests.worker.disks import MIB
from tests.worker.test_rescue import goes_on
from tests.worker.watching import BRISK, J, ended, linked, running, until, written
from tui.backup.way import Way
from tui.history import History
from tui.qmp.address import UnixAddress
from tui.qmp.client import LONGEST_LINE
from tui.qmp.errors import NotAnswering
from tui.vm.job import Outcome
from tui.vm.snapshot import Link
from tui.worker import VmWorker

HASTY = BRISK._replace(idle=0.1, command=0.5)

GARBAGE = {
    "no JSON": (b"\x00\x1b[2Jgarbage\xff\r\n", "not QMP"),
    "JSON, not an object": (b'["event"]\r\n', "not QMP"),
    "half an object": (b'{"event": "STOP"\r\n', "not QMP"),
    "no end of line": (b'{"' + b"x" * (LONGEST_LINE + 1), "more than 32 MiB"),
}
"""What ends a line, and what that is said to be."""

HARMLESS = {
    "an event without a name": b'{"event": 7, "data": {}}\r\n',
    "an event without data": b'{"event": "BLOCK_JOB_COMPLETED"}\r\n',
    "data of other types": b'{"event": "BLOCK_JOB_COMPLETED", "timestamp": {"seconds": 1, '
    b'"microseconds": 0}, "data": {"device": ["blockdeck-j"], "offset": "all", "len": null}}\r\n',
    "an answer to nobody": b'{"return": {"status": "null"}, "id": "nobody"}\r\n',
    "an unknown event": b'{"event": "NEWS", "timestamp": {"seconds": 1, "microseconds": 0}}\r\n',
}
"""What is passed over, for all that it is not QEMU's."""


@contextlib.asynccontextmanager
async def backup_over(
    qemu: QemuStarter, directory: Path, way: Way
) -> AsyncIterator[tuple[Scene, BadLine]]:
    """A backup of a writing guest, watched over a line that is to go bad."""
    vm = await qemu(*booted(guest_disk(directory / "disk.raw", 8 * MIB)))
    await vm.qmp("cont")
    before, history = await graph(vm), directory / "history"
    async with bad_line(vm.monitor) as line:
        worker = VmWorker(UnixAddress(path=line.path), history=History(history), pace=HASTY)
        async with running(worker):
            await linked(worker, Link.CONNECTED)
            await worker.start(wanted(directory, speed=64 << 10), way=way)
            await until(worker, lambda: (j := worker.snapshot.job(J)) and j.offset > 0)
            yield Scene(vm, worker, before, history), line


async def goes_on_to_its_end(scene: Scene) -> None:
    """The backup is ours as before, and its end is told."""
    job = scene.job
    assert (job.ours, job.state, job.outcome, job.device) == (True, "running", None, "d0")
    assert scene.worker.snapshot.run_state == "running"
    await goes_on(scene.vm)
    await scene.vm.qmp("block-job-set-speed", device=J, speed=0)
    assert (await ended(scene.worker)).outcome is Outcome.SUCCEEDED
    await until_true(scene.history.exists)
    assert [line["outcome"] for line in written(scene.history)] == ["succeeded"]
    await is_clean(scene.vm, scene.before)
    await goes_on(scene.vm)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("raw", "told"), GARBAGE.values(), ids=GARBAGE)
async def test_garbage_costs_the_line_and_not_the_backup(
    qemu: QemuStarter, tmp_path: Path, way: Way, raw: bytes, told: str
) -> None:
    async with backup_over(qemu, tmp_path, way) as (scene, line):
        worker = scene.worker
        line.inject(raw)
        await linked(worker, Link.LOST)
        assert told in worker.snapshot.connection.detail
        # Until QEMU is heard again, the backup is as it was last seen: neither lost nor ended.
        assert (scene.job.outcome, scene.job.state) == (None, "running")
        await linked(worker, Link.CONNECTED)
        await goes_on_to_its_end(scene)


@pytest.mark.parametrize("raw", HARMLESS.values(), ids=HARMLESS)
async def test_what_nobody_asked_for_is_passed_over(
    qemu: QemuStarter, tmp_path: Path, raw: bytes
) -> None:
    async with backup_over(qemu, tmp_path, Way.DRIVE) as (scene, line):
        states: set[Link] = set()
        scene.worker.subscribe(lambda: states.add(scene.worker.snapshot.connection.link))
        line.inject(raw)
        await scene.worker.refresh()
        await goes_on_to_its_end(scene)
        assert states == {Link.CONNECTED}
        assert [job.id for job in scene.worker.snapshot.jobs] == [J]


@pytest.mark.parametrize("way", WAYS)
async def test_a_monitor_that_stalls_is_told_of_and_believed_again(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    async with backup_over(qemu, tmp_path, way) as (scene, line):
        worker = scene.worker
        line.halt()
        await linked(worker, Link.NOT_ANSWERING)
        with pytest.raises(NotAnswering):
            await worker.refresh()
        assert (scene.job.outcome, scene.job.state) == (None, "running")
        # The guest knows nothing of that.
        await goes_on(scene.vm)
        line.go_on()
        await linked(worker, Link.CONNECTED)
        await goes_on_to_its_end(scene)


@pytest.mark.parametrize("way", WAYS)
async def test_a_backup_that_ends_behind_a_stalled_monitor_has_its_true_outcome(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    async with backup_over(qemu, tmp_path, way) as (scene, line):
        line.halt()
        await linked(scene.worker, Link.NOT_ANSWERING)
        await scene.vm.qmp("block-job-cancel", device=J)
        line.go_on()
        job = await ended(scene.worker)
        assert (job.outcome, job.detail) == (Outcome.CANCELLED, "by another client")
        await until_true(scene.history.exists)
        assert [entry["outcome"] for entry in written(scene.history)] == ["cancelled"]
        await is_clean(scene.vm, scene.before)
        await goes_on(scene.vm)
