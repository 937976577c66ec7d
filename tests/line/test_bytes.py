"""Few bytes: nothing while nothing happens, little while jobs run."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.line.conftest import LineOpener
from tests.qemu import QemuStarter, Vm, qemu_img
from tests.waiting import until

pytestmark = pytest.mark.slow

KB = 1000
FIRST_PAINT = 25 * KB
EIGHT_JOBS_A_SECOND = 1 * KB
IDLE_SECONDS = 7.0
"""Longer than the pause between two looks at an idle VM."""
BUSY_SECONDS = 5.0


async def test_an_idle_vm_costs_nothing(
    vm: Vm, qemu: QemuStarter, line: LineOpener, tmp_path: Path
) -> None:
    qemu_img("create", "-q", "-f", "raw", tmp_path / "other.raw", "1M")
    other = await qemu("-drive", f"if=none,id=drive0,format=raw,file={tmp_path / 'other.raw'}")
    disks, jobs = line(vm.monitor), line(other.monitor)
    await disks.shows("drive0")
    await jobs.shows("drive0")
    assert await disks.quiet() < FIRST_PAINT

    # Throughput is known from the second look on.
    disks.press(b"r")
    await disks.shows("0 B    ready")
    await disks.quiet()
    jobs.press(b"2")
    await jobs.shows("No jobs.")
    await jobs.quiet()
    assert await asyncio.gather(*(one.sends_in(IDLE_SECONDS) for one in (disks, jobs))) == [0, 0]


async def test_eight_running_jobs_cost_little(
    qemu: QemuStarter, line: LineOpener, tmp_path: Path
) -> None:
    vm = await machine_with_jobs(qemu, tmp_path, 8)
    there = line(vm.monitor, size=(120, 40))
    await there.shows("drive7")
    there.press(b"2")
    await there.shows("Progress")
    await there.sends_in(1)
    rate = await there.sends_in(BUSY_SECONDS) / BUSY_SECONDS
    assert 0 < rate < EIGHT_JOBS_A_SECOND


async def test_what_others_write_on_the_terminal_is_painted_over(
    vm: Vm, line: LineOpener, tmp_path: Path
) -> None:
    there = line(vm.monitor)
    await there.shows("drive0", "ready")
    await there.quiet()
    os.write(there.other_end, b"\x1b[2;1HBroadcast message from root")
    await there.shows("Broadcast")
    there.press(b"\x0c")
    await until(lambda: "Broadcast" not in there.screen)
    await there.shows("drive0", "ready")


async def machine_with_jobs(qemu: QemuStarter, directory: Path, count: int) -> Vm:
    """A VM of which each disk is being backed up, slowly and visibly."""
    options: list[str] = []
    for number in range(count):
        image = directory / f"{number}.raw"
        qemu_img("create", "-q", "-f", "raw", image, "64M")
        options += ["-drive", f"if=none,id=drive{number},format=raw,file={image}"]
    vm = await qemu(*options)
    for number in range(count):
        await vm.write(f"drive{number}", 0, 64 << 20, number + 1)
        await vm.qmp(
            "drive-backup",
            {"job-id": f"job{number}", "device": f"drive{number}", "format": "raw"},
            target=str(directory / f"backup{number}.raw"),
            sync="full",
            speed=(number + 1) << 20,
        )
    return vm
