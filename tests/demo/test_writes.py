"""The demo's guest writes all the time, and never in anybody's way."""

import asyncio
import os
import signal
import stat
from pathlib import Path

from tests.qemu import PC, QemuStarter
from tests.waiting import until, until_answered
from tui.demo.disks import DATABASE, LOGS, MiB
from tui.demo.guest import query_write_counts
from tui.demo.vm import DemoVm
from tui.demo.writer import BEAT, MOST_UNDER_WAY, Load, demo_loads, write_on
from tui.qmp.address import UnixAddress
from tui.qmp.session import QmpSession


async def connect(monitor: Path) -> QmpSession:
    return await QmpSession.connect(UnixAddress(path=monitor), on_event=lambda event: None)


async def test_writes_go_on_and_show_as_throughput(demo_vm: DemoVm) -> None:
    async with await connect(demo_vm.monitor) as session:
        first = await query_write_counts(session)

        async def all_written_to() -> bool:
            now = await query_write_counts(session)
            often = [load.disk.backend for load in demo_loads()]
            return all(now[name].done >= first[name].done + 2 for name in (*often, "archive"))

        await until_answered(all_written_to)


async def test_a_guest_that_is_stopped_writes_nothing(demo_vm: DemoVm) -> None:
    async with await connect(demo_vm.monitor) as session:
        await session.execute("stop")

        async def nothing_is_written() -> bool:
            before = await query_write_counts(session)
            await asyncio.sleep(4 * BEAT)
            return await query_write_counts(session) == before

        await until_answered(nothing_is_written)


async def test_the_directory_is_private(demo_vm: DemoVm) -> None:
    assert stat.S_IMODE(demo_vm.directory.stat().st_mode) == 0o700
    assert list(demo_vm.backups.iterdir()) == []


async def test_a_dead_qemu_does_not_hold_it_up(demo_vm: DemoVm) -> None:
    os.kill(demo_vm.pid, signal.SIGKILL)

    assert await demo_vm.ended() == "QEMU was killed by signal 9"


async def test_a_disk_that_hangs_gets_no_more(qemu: QemuStarter, tmp_path: Path) -> None:
    for name in ("slow.raw", "fast.raw"):
        with (tmp_path / name).open("wb") as image:
            image.truncate(MiB)
    vm = await qemu(
        *PC,
        *(
            "-drive",
            f"if=none,id=database,format=raw,file={tmp_path}/slow.raw,throttling.bps-write=1",
        ),
        *("-device", "virtio-blk-pci,drive=database"),
        *("-drive", f"if=none,id=logs,format=raw,file={tmp_path}/fast.raw"),
        *("-device", "virtio-blk-pci,drive=logs"),
    )
    await vm.qmp("cont")
    hanging = Load(DATABASE, every=1, length=4096, span=MiB)
    well = Load(LOGS, every=1, length=4096, span=MiB)

    async with await connect(vm.monitor) as session:
        writing = asyncio.create_task(write_on(session, [hanging, well]))
        await until(lambda: (well.issued or 0) > 2 * MOST_UNDER_WAY)
        await vm.kill()
        await asyncio.wait_for(writing, 10)

    assert hanging.issued is not None
    assert hanging.issued <= MOST_UNDER_WAY + 1
