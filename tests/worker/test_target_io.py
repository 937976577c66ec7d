"""A target past the page cache: what QEMU is told of it, and what it makes of it."""

from pathlib import Path

import pytest

from tests.cli.running import blockdeck
from tests.qemu import QemuStarter, Vm, qemu_img
from tests.small import small_filesystem
from tests.worker.disks import MIB, drive, pattern
from tests.worker.watching import backup, ended, linked, until, worker_of
from tui.backup.target_io import TargetIo
from tui.backup.way import Way
from tui.vm.job import Outcome
from tui.vm.snapshot import Link


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with a raw disk."""
    return await qemu(*drive(pattern(tmp_path / "d.raw")))


async def test_the_target_is_opened_past_the_page_cache(vm: Vm, tmp_path: Path) -> None:
    arguments = backup(vm, speed=MIB // 4)
    async with worker_of(vm) as worker:
        await linked(worker, Link.CONNECTED)
        way, direct = Way.BLOCKDEV, TargetIo.DIRECT
        verdict = await worker.judge(arguments, way=way, target_io=direct, fresh=True)
        told = [c["arguments"] for c in verdict.commands if "cache" in str(c)]
        assert [(a["driver"], a["cache"], a["aio"]) for a in told] == [
            ("file", {"direct": True}, "native")
        ]
        await worker.start(arguments, way=way, target_io=direct)
        await until(worker, lambda: worker.snapshot.live_jobs)
        nodes = await vm.qmp("query-named-block-nodes")
        (file,) = (
            n for n in nodes if n["file"] == str(vm.directory / "target.img") and n["drv"] == "file"
        )
        assert file["cache"]["direct"] is True
        await vm.qmp("block-job-set-speed", device=arguments["job-id"], speed=0)
        assert (await ended(worker)).outcome is Outcome.SUCCEEDED
    qemu_img("compare", "-f", "raw", "-F", "qcow2", tmp_path / "d.raw", vm.directory / "target.img")


async def test_in_memory_there_is_nothing_past_the_page_cache(vm: Vm, tmp_path: Path) -> None:
    with small_filesystem(tmp_path / "memory", 16 * MIB) as memory:
        words = ("device=d0", f"target={memory}/a.qcow2", "sync=full", "format=qcow2")
        done = await blockdeck("check", vm.monitor, *words, "--target-io", "direct")
        assert done.status == 1
        assert "in the page cache" in done.out
        done = await blockdeck("check", vm.monitor, *words, "--way", "blockdev-backup")
        assert done.status == 0, done.out


async def test_from_the_command_line(vm: Vm, tmp_path: Path) -> None:
    words = ("backup", vm.monitor, "device=d0", f"target={tmp_path}/a.qcow2")
    done = await blockdeck(*words, "--target-io", "direct", "--way", "drive-backup")
    assert done.status == 1
    assert "--target-io needs blockdev-backup" in done.err
    done = await blockdeck(*words, "--target-io", "direct", "--json")
    assert done.status == 0, done.err
    assert done.lines[0]["command"]["execute"] == "blockdev-backup"
    qemu_img("compare", "-f", "raw", "-F", "qcow2", tmp_path / "d.raw", tmp_path / "a.qcow2")
