"""Steps that many journeys take."""

import sys
from pathlib import Path
from typing import Any

from tests.journeys.tmux import Tmux
from tests.qemu import Vm, qemu_img
from tests.waiting import until_answered

BLOCKDECK = (sys.executable, "-m", "tui")
READY = "Ready. F2 starts the backup."
ADOPTED = "blockdeck-1"
SLOW = "1M"
"""A speed at which no backup of a test's disk ends by itself."""


async def open_form(terminal: Tmux, disk: str = "drive0") -> None:
    """From the disks to the form of the highlighted one."""
    await terminal.sees(disk, "ready")
    terminal.press("b")
    await terminal.sees(f"Back up {disk}", READY)


def fill_in_speed(terminal: Tmux, speed: str) -> None:
    """From the target's field to the speed's."""
    # Format and mode lie between.
    terminal.press("Tab", "Tab", "Tab")
    terminal.fill_in(speed)


async def start_slow_backup(terminal: Tmux, vm: Vm, target: Path) -> str:
    """Start a backup that goes on until it is cancelled; returns its id."""
    await open_form(terminal)
    terminal.fill_in(str(target))
    fill_in_speed(terminal, SLOW)
    await terminal.sees('"speed": 1048576', READY)
    terminal.press("F2")
    await terminal.sees("1 job running", "State")
    [job] = await jobs_in(vm)
    return job


async def adopt_slow_backup(terminal: Tmux, vm: Vm, target: Path) -> str:
    """Have a job that an earlier BlockDeck started, and look at it; returns its id."""
    await vm.qmp(
        "drive-backup",
        {"job-id": ADOPTED, "device": "drive0", "target": str(target), "auto-dismiss": False},
        sync="full",
        format="qcow2",
        speed=1 << 20,
    )
    terminal.run(*BLOCKDECK, vm.monitor)
    await terminal.sees("drive0", "running", "1 job running")
    terminal.press("2")
    await terminal.sees(ADOPTED, "running", "copied")
    return ADOPTED


async def jobs_in(vm: Vm) -> dict[str, dict[str, Any]]:
    """The jobs that QEMU has, by id, asked on the second monitor."""
    return {job["id"]: job for job in await vm.qmp("query-jobs")}


async def gone_from(vm: Vm, job_id: str) -> None:
    """Wait until QEMU has forgotten a job."""

    async def gone() -> bool:
        return job_id not in await jobs_in(vm)

    await until_answered(gone)


def is_backup_of(vm: Vm, image: Path) -> bool:
    """Whether the image is whole and equals the disk of `vm`."""
    qemu_img("check", "-q", image)
    disk = vm.directory.parent / "disk.qcow2"
    return "Images are identical." in qemu_img("compare", "-U", disk, image)
