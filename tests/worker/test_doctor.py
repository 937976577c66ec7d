"""What nobody uses is found and cleaned up; what is in use is neither."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import PC, QemuStarter, Vm, qemu_img
from tests.waiting import until_answered
from tests.worker.disks import MIB, blockdev, drive, null, pattern
from tests.worker.test_blockdev import in_state, nbd, nodes
from tests.worker.watching import BRISK, J, backup, linked, running, worker_of
from tests.worker.wire import overhear
from tui.backup.way import Way
from tui.qmp.address import UnixAddress
from tui.qmp.errors import CommandRefused, ConnectionLost, ReadOnly
from tui.vm.leftover import Kind, Leftover
from tui.vm.snapshot import DRY_RUN_PREFIX, Link
from tui.worker import VmWorker
from tui.worker.doctor import NotCleaned

LONE = ("-blockdev", "driver=null-co,node-name=lone,size=1048576")
"""A node that nobody uses, from the command line."""


async def add_target(vm: Vm, name: str = "t", size: int = 4 * MIB) -> None:
    """What a client does for a target: an image, a node for its file, one for its format."""
    image = vm.directory / f"{name}.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", image, str(size))
    await vm.qmp("blockdev-add", driver="file", node_name=f"{name}-f", filename=str(image))
    await vm.qmp("blockdev-add", driver="qcow2", node_name=name, file=f"{name}-f")


async def back_up(vm: Vm, device: str = "d0", **more: object) -> None:
    """Another client backs up to the target, and does not come back."""
    arguments = {"job-id": "theirs", "device": device, "target": "t", "sync": "full"}
    spelled = {name.replace("_", "-"): value for name, value in more.items()}
    await vm.qmp("blockdev-backup", {**arguments, "auto-dismiss": False, **spelled})


async def found(worker: VmWorker) -> dict[str, Leftover]:
    """What a fresh look finds, by its title."""
    await worker.refresh()
    return {one.title: one for one in worker.leftovers}


async def clean_all(worker: VmWorker) -> list[str]:
    """Clean up what can be, in the order found; the titles."""
    await worker.refresh()
    several = [one for one in worker.leftovers if one.remedy is not None]
    for one in several:
        assert await worker.clean(one)
    return [one.title for one in several]


# --- jobs ----------------------------------------------------------------------------------------


async def test_a_job_nobody_dismissed_and_its_target(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    before = await nodes(vm)
    await add_target(vm)
    await back_up(vm)
    await until_answered(in_state(vm, "concluded"))
    async with worker_of(vm) as worker:
        left = await found(worker)
        job = left["theirs"]
        assert (job.kind, job.ours) == (Kind.JOB, False)
        assert job.what == "A backup job that has ended: succeeded."
        assert "nobody has dismissed it" in job.why
        assert "How it ended" in job.lost
        assert left["t"].kind is Kind.NODE
        assert "t" in left["t-f"].after
        assert await clean_all(worker) == ["theirs", "t", "t-f"]
        assert worker.leftovers == ()
    assert await vm.qmp("query-jobs") == []
    assert await nodes(vm) == before


async def test_a_job_that_failed_tells_so(qemu: QemuStarter) -> None:
    vm = await qemu(*null(MIB))
    options = {"driver": "file", "filename": "/no/such/directory/t", "size": MIB}
    await vm.qmp("blockdev-create", job_id="making", options=options)
    await until_answered(in_state(vm, "concluded"))
    async with worker_of(vm) as worker:
        making = (await found(worker))["making"]
        assert making.what.startswith("A create job that has ended: Could not create")
        assert await clean_all(worker) == ["making"]
    assert await vm.qmp("query-jobs") == []


async def test_a_backup_that_nobody_finalized_is_finalized(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    before = await nodes(vm)
    await add_target(vm)
    await back_up(vm, auto_finalize=False)
    await until_answered(in_state(vm, "pending"))
    async with worker_of(vm) as worker:
        # Its target and its filter are in use as long as it waits.
        left = await found(worker)
        assert list(left) == ["theirs"]
        pending = left["theirs"]
        assert (pending.kind, pending.lost[:22]) == (Kind.PENDING, "Nothing of the backup.")
        assert await worker.clean(pending)
        assert (await found(worker))["theirs"].kind is Kind.JOB
        assert await clean_all(worker) == ["theirs", "t", "t-f"]
    assert await nodes(vm) == before


async def test_another_pending_job_is_left_to_its_owner(qemu: QemuStarter) -> None:
    vm = await qemu(*null(4 * MIB))
    await add_target(vm)
    arguments = {"job-id": "theirs", "device": "d0", "target": "t", "sync": "full"}
    await vm.qmp("blockdev-mirror", {**arguments, "auto-finalize": False})
    await until_answered(in_state(vm, "ready"))
    async with worker_of(vm) as worker:
        assert await found(worker) == {}
        await vm.qmp("job-complete", id="theirs")
        await until_answered(in_state(vm, "pending"))
        pending = (await found(worker))["theirs"]
        assert pending.remedy is None
        assert "the guest may go over to the copy" in pending.reason
        with pytest.raises(NotCleaned, match="no cleaning up"):
            await worker.clean(pending)
    assert [job["status"] for job in await vm.qmp("query-jobs")] == ["pending"]


# --- nodes ---------------------------------------------------------------------------------------


async def test_what_a_live_job_a_device_or_an_export_uses_is_not_found(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    disk = blockdev(pattern(tmp_path / "n.qcow2", fmt="qcow2"))
    vm = await qemu(*PC, *disk, *null(4 * MIB))
    await add_target(vm)
    await add_target(vm, "exported")
    await back_up(vm, "n0", speed=64 << 10)
    await vm.qmp("nbd-server-start", addr=nbd(vm.directory / "nbd.sock"))
    await vm.qmp("block-export-add", type="nbd", id="e", node_name="exported")
    async with worker_of(vm) as worker:
        assert await found(worker) == {}
        # The client that made them goes away.
        await vm.qmp("block-export-del", id="e")

        async def is_found() -> bool:
            return "exported" in await found(worker)

        await until_answered(is_found)
        assert await clean_all(worker) == ["exported", "exported-f"]
    assert [job["status"] for job in await vm.qmp("query-jobs")] == ["running"]
    assert {"n0", "t", "t-f"} <= set(await nodes(vm))


async def test_a_node_that_came_into_use_after_the_look_is_not_touched(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    await add_target(vm)
    async with worker_of(vm) as worker:
        seen = (await found(worker))["t"]
        await back_up(vm, speed=64 << 10)
        with pytest.raises(NotCleaned, match="in use now, so nothing was done"):
            await worker.clean(seen)
    assert [job["status"] for job in await vm.qmp("query-jobs")] == ["running"]
    assert {"t", "t-f"} <= set(await nodes(vm))


async def test_a_node_that_comes_into_use_right_before_the_act_is_kept_by_qemu(
    qemu: QemuStarter,
) -> None:
    vm = await qemu(*LONE)
    await vm.qmp("nbd-server-start", addr=nbd(vm.directory / "nbd.sock"))
    await vm.hang_up()

    def export(command: Mapping[str, Any]) -> None:
        if command["execute"] == "blockdev-del":
            arguments = {"type": "nbd", "id": "e", "node-name": "lone"}
            at_once(vm.second, "block-export-add", arguments)

    async with (
        overhear(vm.monitor) as line,
        VmWorker(UnixAddress(path=line.path), pace=BRISK) as worker,
    ):
        line.before = export
        seen = (await found(worker))["lone"]
        with pytest.raises(CommandRefused, match="in use"):
            await worker.clean(seen)
        line.before = lambda _: None
        assert await found(worker) == {}
    assert [export["id"] for export in await vm.qmp("query-block-exports")] == ["e"]


def at_once(monitor: Path, command: str, arguments: Mapping[str, Any]) -> None:
    """Have a command carried out before anything else happens in this process."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(monitor))
        with line.makefile("rw") as talk:
            talk.readline()
            for name, given in (("qmp_capabilities", {}), (command, arguments)):
                talk.write(json.dumps({"execute": name, "arguments": given}) + "\n")
                talk.flush()
                while "return" not in (said := json.loads(talk.readline())):
                    assert "error" not in said, said


async def test_a_line_that_is_lost_while_cleaning_up_is_told(qemu: QemuStarter) -> None:
    vm = await qemu(*LONE)
    async with (
        overhear(vm.monitor) as line,
        running(VmWorker(UnixAddress(path=line.path), pace=BRISK)) as worker,
    ):
        await linked(worker, Link.CONNECTED)

        def cut(command: Mapping[str, Any]) -> None:
            if command["execute"] == "blockdev-del":
                line.cut()

        line.before = cut
        seen = (await found(worker))["lone"]
        with pytest.raises(ConnectionLost):
            await worker.clean(seen)
        line.before = lambda _: None
        await linked(worker, Link.LOST)
        await linked(worker, Link.CONNECTED)
        assert await worker.clean(seen)
    assert await nodes(vm) == []


async def test_another_node_of_the_same_name_is_not_touched(qemu: QemuStarter) -> None:
    vm = await qemu(*LONE)
    async with worker_of(vm) as worker:
        seen = (await found(worker))["lone"]
        assert "given when QEMU was started" in seen.why
        assert seen.alone
        await vm.qmp("blockdev-del", node_name="lone")
        assert not await worker.clean(seen)
        await vm.qmp("blockdev-add", driver="null-aio", node_name="lone")
        with pytest.raises(NotCleaned, match="another one now"):
            await worker.clean(seen)
    assert await nodes(vm) == ["lone"]


async def test_a_job_id_that_is_used_again_is_not_dismissed(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    await add_target(vm)
    await back_up(vm)
    await until_answered(in_state(vm, "concluded"))
    async with worker_of(vm) as worker:
        seen = (await found(worker))["theirs"]
        await vm.qmp("job-dismiss", id="theirs")
        assert await vm.qmp("query-jobs") == []
        await back_up(vm)
        await until_answered(in_state(vm, "concluded"))
        with pytest.raises(NotCleaned, match="another one now"):
            await worker.clean(seen)
    assert [job["id"] for job in await vm.qmp("query-jobs")] == ["theirs"]


async def test_what_was_found_only_just_now_says_so(qemu: QemuStarter) -> None:
    vm = await qemu(*LONE)
    async with worker_of(vm, pace=BRISK._replace(orphan=0.5)) as worker:
        assert (await found(worker))["lone"].fresh

        async def is_old() -> bool:
            return not (await found(worker))["lone"].fresh

        await until_answered(is_old)
        # Another one of the same name is not as old.
        await vm.qmp("blockdev-del", node_name="lone")
        assert await found(worker) == {}
        await vm.qmp("blockdev-add", driver="null-aio", node_name="lone")
        assert (await found(worker))["lone"].fresh


async def test_a_node_inside_another_goes_with_it(qemu: QemuStarter, tmp_path: Path) -> None:
    file = {"driver": "file", "node-name": "inner", "filename": str(pattern(tmp_path / "d.raw"))}
    outer = {"driver": "raw", "node-name": "outer", "file": file}
    vm = await qemu("-blockdev", json.dumps(outer))
    async with worker_of(vm) as worker:
        left = await found(worker)
        assert [(one.name, one.after) for one in left.values()] == [
            ("outer", ()),
            ("inner", ("outer",)),
        ]
        with pytest.raises(NotCleaned, match="outer has to go first"):
            await worker.clean(left["inner"])
        assert await worker.clean(left["outer"])
        assert not await worker.clean(left["inner"])
    assert await nodes(vm) == []


async def test_a_foreign_overlay_goes_and_the_disk_below_it_stays(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    disk = blockdev(pattern(tmp_path / "n.qcow2", fmt="qcow2"))
    vm = await qemu(*PC, *disk)
    before = await nodes(vm)
    qemu_img("create", "-q", "-f", "qcow2", tmp_path / "o.qcow2", "4M")
    file = {"driver": "file", "filename": str(tmp_path / "o.qcow2")}
    await vm.qmp(
        "blockdev-add", {"driver": "qcow2", "node-name": "o", "file": file, "backing": "n0"}
    )
    async with worker_of(vm) as worker:
        assert await clean_all(worker) == ["o"]
    assert await nodes(vm) == before


async def test_nodes_of_our_own_are_told_from_others(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    before = await nodes(vm)
    async with worker_of(vm) as worker:
        plan = await worker.judge(backup(vm), way=Way.BLOCKDEV)
    await by_hand(vm, plan.prepare)
    await vm.qmp("blockdev-add", driver="null-co", node_name=f"{DRY_RUN_PREFIX}left")
    async with worker_of(vm, pace=BRISK) as worker:
        left = await found(worker)
        assert len(left) == 3
        assert all(one.ours for one in left.values())
        assert "dry run" in left[f"{DRY_RUN_PREFIX}left"].what
        assert len(await clean_all(worker)) == 3
    assert await nodes(vm) == before


async def by_hand(vm: Vm, commands: Any) -> None:
    """Send the commands that make a target, as a BlockDeck would that is then killed."""
    for command in commands:
        await vm.qmp(command["execute"], command["arguments"])
        if command["execute"] == "blockdev-create":
            await until_answered(in_state(vm, "concluded"))
            await vm.qmp("job-dismiss", id=command["arguments"]["job-id"])


async def test_nothing_of_a_backup_of_ours_is_ever_left_over(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    async with worker_of(vm, tmp_path / "history") as worker:
        seen: list[Leftover] = []
        worker.subscribe(lambda: seen.extend(worker.leftovers))
        await worker.start(backup(vm), way=Way.BLOCKDEV)

        async def is_over() -> bool:
            job = worker.snapshot.job(J)
            return job is not None and job.status == "null"

        await until_answered(is_over)
        assert seen == []


async def test_read_only_finds_and_cleans_nothing(qemu: QemuStarter) -> None:
    vm = await qemu(*LONE)
    async with worker_of(vm, read_only=True) as worker:
        seen = (await found(worker))["lone"]
        with pytest.raises(ReadOnly):
            await worker.clean(seen)
    assert await nodes(vm) == ["lone"]
