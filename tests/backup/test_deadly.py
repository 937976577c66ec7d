"""What the rules let nobody do, a throwaway QEMU is made to do: the dangers are real."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import PC, QemuStarter, Refused, Vm, qemu_img
from tests.waiting import until_answered
from tests.worker.disks import MIB, drive, pattern
from tests.worker.watching import J, worker_of

Harm = Callable[[Vm, Path], Awaitable[None]]


def arguments(directory: Path, **more: Any) -> dict[str, Any]:
    """A backup of d0."""
    spelled = {name.replace("_", "-"): value for name, value in more.items()}
    target = str(directory / "target.img")
    return {"device": "d0", "job-id": J, "sync": "full", "target": target, **spelled}


async def is_forbidden(vm: Vm, given: dict[str, Any], rule: str) -> None:
    """The verdict says that QEMU would accept it, and lets nobody pass."""
    async with worker_of(vm) as worker:
        verdict = await worker.judge(given, fresh=True)
    found = next(finding for finding in verdict.findings if finding.rule == rule)
    assert found in verdict.blockers({finding.rule for finding in verdict.findings})


async def major(vm: Vm) -> int:
    """QEMU's major version."""
    version = await vm.qmp("query-version")
    return int(version["qemu"]["major"])


async def no_jobs(vm: Vm) -> None:
    """Wait until all jobs are over and gone."""

    async def none_left() -> bool:
        return not await vm.qmp("query-jobs")

    await until_answered(none_left)


async def dies(vm: Vm, given: dict[str, Any]) -> None:
    """QEMU does not outlive the command."""

    async def back_up() -> None:
        # It may answer before it dies, or die before it answers.
        await vm.qmp("drive-backup", given)
        await no_jobs(vm)

    with pytest.raises(ConnectionError):
        await back_up()
    assert "killed by signal" in await vm.ended()


async def test_a_snapshot_disk_loses_its_target(qemu: QemuStarter, tmp_path: Path) -> None:
    name, options = drive(pattern(tmp_path / "base.qcow2", fmt="qcow2"), "qcow2")
    vm = await qemu(name, f"{options},snapshot=on")
    target = tmp_path / "target.img"
    given = arguments(tmp_path, format="qcow2")
    await is_forbidden(vm, given, "X3")
    await vm.qmp("drive-backup", given)
    await no_jobs(vm)
    assert not target.exists()


async def test_a_snapshot_disk_loses_its_base(qemu: QemuStarter, tmp_path: Path) -> None:
    base = pattern(tmp_path / "base.qcow2", fmt="qcow2")
    name, options = drive(base, "qcow2")
    vm = await qemu(name, f"{options},snapshot=on")
    given = arguments(tmp_path, format="qcow2", sync="top")
    await is_forbidden(vm, given, "X3")
    with pytest.raises(Refused, match="No such file"):
        await vm.qmp("drive-backup", given)
    assert not base.exists()


async def test_the_file_of_an_idle_disk_is_overwritten(qemu: QemuStarter, tmp_path: Path) -> None:
    other = pattern(tmp_path / "other.raw", 0xB)
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")), *drive(other, name="idle"))
    given = arguments(tmp_path, target=str(other), format="raw")
    await is_forbidden(vm, given, "X15")
    await vm.qmp("drive-backup", given)
    await no_jobs(vm)
    assert other.read_bytes()[:MIB] == bytes([0xA]) * MIB


async def test_a_huge_cluster_kills_qemu(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    given = arguments(tmp_path, x_perf={"min-cluster-size": 256 * MIB})
    if await major(vm) < 10:
        with pytest.raises(Refused, match="unexpected"):
            await vm.qmp("drive-backup", given)
        return
    await is_forbidden(vm, given, "X6")
    await dies(vm, given)


async def test_discarding_the_source_zeroes_the_disk_of_the_guest(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    disk = pattern(tmp_path / "d.raw")
    name, options = drive(disk)
    attached = ("-device", "virtio-blk,drive=d0")
    vm = await qemu(*PC, name, f"{options},discard=unmap", *attached)
    given = arguments(tmp_path, format="qcow2", discard_source=True)
    if await major(vm) < 10:
        with pytest.raises(Refused, match="unexpected"):
            await vm.qmp("drive-backup", given)
        return
    await is_forbidden(vm, given, "X5")
    await vm.qmp("drive-backup", given)
    await no_jobs(vm)
    assert disk.read_bytes() == bytes(disk.stat().st_size)


async def test_an_image_that_looks_like_another_is_taken_for_it(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    target = tmp_path / "target.img"
    qemu_img("create", "-q", "-f", "qcow2", target, str(4 * MIB))
    given = arguments(tmp_path, mode="existing")
    async with worker_of(vm) as worker:
        verdict = await worker.judge(given, fresh=True)
    assert "X16" in [finding.rule for finding in verdict.blockers()]
    await vm.qmp("drive-backup", given)
    await no_jobs(vm)
    assert "file format: qcow2" in qemu_img("info", target)


async def test_a_refused_target_freezes_the_disk_of_an_old_qemu(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    old = await major(vm) < 6
    given = arguments(tmp_path, target=str(tmp_path / "nosuch" / "target"), format="raw")
    if old:
        await is_forbidden(vm, given, "X1")
    with pytest.raises(Refused, match="No such file"):
        await vm.qmp("drive-backup", given)
    await vm.qmp("drive-backup", arguments(tmp_path, format="raw", auto_dismiss=False))
    if not old:
        await until_answered(lambda: is_in(vm, "concluded"))
        return
    # It is asked to run, and stays where it is.
    await until_answered(lambda: is_in(vm, "paused"))
    await vm.qmp("query-named-block-nodes")
    (job,) = await vm.qmp("query-block-jobs")
    assert (job["status"], job["offset"]) == ("paused", 0)


async def is_in(vm: Vm, status: str) -> bool:
    """Whether the only job is in this state."""
    return [job["status"] for job in await vm.qmp("query-jobs")] == [status]


async def test_listing_the_nodes_beside_an_ended_job_kills_an_old_qemu(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    given = arguments(tmp_path, format="raw", auto_dismiss=False)
    old = await major(vm) < 6
    if old:
        await is_forbidden(vm, given, "X2")
    await vm.qmp("drive-backup", given)
    await until_answered(lambda: is_in(vm, "concluded"))
    if not old:
        await vm.qmp("query-named-block-nodes")
        return
    with pytest.raises(ConnectionError):
        await vm.qmp("query-named-block-nodes")
    assert "killed by signal" in await vm.ended()


async def test_a_disk_of_no_size_kills_an_old_qemu(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw", size=0)))
    given = arguments(tmp_path, format="qcow2")
    if await major(vm) < 6:
        await is_forbidden(vm, given, "X9")
        await dies(vm, given)
        return
    await vm.qmp("drive-backup", given)
    await no_jobs(vm)


async def test_a_fifo_stops_qemu_for_ever(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    given = arguments(tmp_path, format="raw", mode="existing")
    os.mkfifo(given["target"])
    await is_forbidden(vm, given, "X11")
    asked = asyncio.create_task(vm.qmp("drive-backup", given))

    async def stands_before_it() -> int | None:
        # It can be opened like this only while another process waits to read from it.
        with contextlib.suppress(OSError):
            return os.open(given["target"], os.O_WRONLY | os.O_NONBLOCK)
        return None

    writer = await until_answered(stands_before_it)
    assert writer is not None
    # Only what nobody does for a production VM gets it going again.
    with pytest.raises(Refused, match="regular file"):
        await asked
    os.close(writer)
