"""What the fault lab breaks is broken in QEMU's own words, and mended where it says so."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.demo.test_writes import connect
from tests.waiting import until, until_answered
from tui.demo.errors import DemoError
from tui.demo.fault_lab import BALLAST, FaultLab
from tui.demo.vm import DemoVm
from tui.qmp.session import QmpSession


@pytest.fixture
async def session(demo_vm: DemoVm) -> AsyncIterator[QmpSession]:
    async with await connect(demo_vm.monitor) as session:
        yield session


@pytest.fixture
def lab(demo_vm: DemoVm) -> FaultLab:
    return FaultLab(demo_vm.info)


async def back_up(session: QmpSession, target: Path, **arguments: Any) -> None:
    usual = {"device": "archive", "job-id": "b", "sync": "full", "format": "qcow2"}
    await session.execute("drive-backup", {**usual, "target": str(target), **arguments})


async def jobs(session: QmpSession) -> list[Mapping[str, Any]]:
    found = await session.execute("query-block-jobs")
    assert isinstance(found, list)
    return found


async def io_status(session: QmpSession, status: str) -> None:
    async def it_is() -> bool:
        return [job["io-status"] for job in await jobs(session)] == [status]

    await until_answered(it_is)


async def test_the_target_fills_and_goes_on_when_there_is_room(
    demo_vm: DemoVm, session: QmpSession, lab: FaultLab
) -> None:
    assert demo_vm.info.own_filesystem, "it takes root, which tests have"
    assert os.path.ismount(demo_vm.backups)
    target = demo_vm.backups / "t"
    await back_up(session, target, **{"on-target-error": "stop"})
    await lab.fill_target()
    assert lab.full
    await io_status(session, "nospace")
    # What the guest overwrites could not be kept either.
    await until_answered(lambda: guest_is(session, "io-error"))
    assert await disk_status(session, "archive") == "nospace"

    await lab.fill_target()
    assert not lab.full
    assert not (demo_vm.backups / BALLAST).exists()
    await session.execute("cont")
    assert await disk_status(session, "archive") == "ok"
    await session.execute("block-job-resume", {"device": "b"})
    await until_answered(lambda: over(session))
    assert await guest_is(session, "running")


async def guest_is(session: QmpSession, state: str) -> bool:
    status: Any = await session.execute("query-status")
    return bool(status["status"] == state)


async def disk_status(session: QmpSession, name: str) -> str:
    disks: Any = await session.execute("query-block")
    (found,) = [disk["io-status"] for disk in disks if disk["device"] == name]
    return str(found)


async def over(session: QmpSession) -> bool:
    return await jobs(session) == []


async def test_without_a_file_system_of_its_own_files_grow_no_more(
    demo_vm: DemoVm, session: QmpSession, tmp_path: Path
) -> None:
    info = demo_vm.info.model_copy(update={"own_filesystem": False, "backups": tmp_path})
    lab = FaultLab(info)
    earlier = tmp_path / "earlier"
    with earlier.open("wb") as file:
        file.truncate(1 << 30)
    os.utime(earlier, (0, 0))
    await back_up(session, tmp_path / "t", **{"on-target-error": "stop"})
    await lab.fill_target()
    # EFBIG: to QEMU no lack of room, and it goes on living.
    await io_status(session, "failed")
    await until_answered(lambda: guest_is(session, "io-error"))

    await lab.fill_target()
    await session.execute("cont")
    await session.execute("block-job-resume", {"device": "b"})
    await until_answered(lambda: over(session))


async def test_killed_it_is_gone(demo_vm: DemoVm, lab: FaultLab) -> None:
    lab.kill()
    assert await demo_vm.ended() == "QEMU was killed by signal 9"
    with pytest.raises(DemoError, match="does not run any more"):
        lab.kill()


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


async def test_stalled_it_goes_on(demo_vm: DemoVm, session: QmpSession, lab: FaultLab) -> None:
    stall = asyncio.create_task(lab.stall(0.5))
    await until(lambda: stopped(demo_vm.pid))
    await stall
    assert not stopped(demo_vm.pid)
    assert await session.execute("query-status")


async def test_it_goes_on_too_when_the_stall_is_cancelled(demo_vm: DemoVm, lab: FaultLab) -> None:
    stall = asyncio.create_task(lab.stall(60))
    await until(lambda: stopped(demo_vm.pid))
    stall.cancel()
    await asyncio.wait([stall])
    await until(lambda: not stopped(demo_vm.pid))


async def test_another_client_cancels(demo_vm: DemoVm, session: QmpSession, lab: FaultLab) -> None:
    with pytest.raises(DemoError, match="start one first"):
        await lab.cancel_elsewhere()
    await back_up(session, demo_vm.backups / "t")
    assert "cancelled b " in await lab.cancel_elsewhere()
    await until_answered(lambda: over(session))


async def test_a_bitmap_is_inconsistent_as_after_a_crash(
    demo_vm: DemoVm, session: QmpSession, lab: FaultLab
) -> None:
    for _ in range(2):
        await lab.break_bitmap()
        nodes = await session.execute("query-named-block-nodes")
        assert isinstance(nodes, list)
        scratch = next(node for node in nodes if node["node-name"] == "scratch")
        (bitmap,) = scratch["dirty-bitmaps"]
        assert bitmap["name"] == "interrupted"
        assert bitmap["inconsistent"]
        disks = await session.execute("query-block")
        assert isinstance(disks, list)
        assert any("scsi0-1" in str(disk.get("qdev")) for disk in disks)


async def test_no_disk_is_unplugged_under_a_backup(
    demo_vm: DemoVm, session: QmpSession, lab: FaultLab
) -> None:
    await back_up(session, demo_vm.backups / "t")
    with pytest.raises(DemoError, match="a block job runs"):
        await lab.break_bitmap()


async def test_nothing_stays_mounted() -> None:
    async with DemoVm.start() as vm:
        place = str(vm.backups)
        assert place in Path("/proc/mounts").read_text()
    assert place not in Path("/proc/mounts").read_text()
