"""Screens of a backup at work, of a guest that it has stopped, and of chains: with fixed numbers.

A real job runs, of a guest that writes nothing. What would move of it is said anew to each screen.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen

from tests import steady
from tests.images.chains import build
from tests.images.test_prune import POINTS
from tests.qemu import Vm
from tests.small import small_filesystem
from tests.ui.album import SIZES, Opened, Size
from tests.ui.album import opened as opened
from tests.ui.album import place as place
from tests.ui.album import vm as vm
from tui.images.restorable import point_of
from tui.screens.prune import PruneScreen
from tui.screens.restore import RestoreScreen
from tui.screens.verify import VerifyScreen, VerifyStackScreen
from tui.vm.care import JobCare
from tui.vm.job import Job
from tui.vm.latency import Wait
from tui.vm.snapshot import Device, Throughput, VmSnapshot
from tui.vm.space import Space

MIB = 1 << 20
RATES = tuple(MIB * (12 - abs(place % 11 - 5)) / 2 for place in range(60))


@dataclass
class Told:
    """What is told of the VM.

    Attributes:
        stopped: whether the backup has stopped its guest.
    """

    stopped: bool = False

    def of(self, vm: VmSnapshot) -> VmSnapshot:
        """The VM with numbers that stand still."""
        return replace(
            vm,
            devices=tuple(map(self._device, vm.devices)),
            jobs=tuple(map(self._job, vm.jobs)),
            run_state="io-error" if self.stopped else "running",
        )

    def _device(self, device: Device) -> Device:
        if device.title != "disk0":
            return device
        now = time.monotonic()
        waits = Wait(now=0.012, before=0.004, last=0.012, ended=now, rate_before=2.0 * MIB)
        return device._replace(
            throughput=Throughput(write=0.0 if self.stopped else 1.5 * MIB),
            writes=waits,
            io_status="nospace" if self.stopped else "ok",
        )

    def _job(self, job: Job) -> Job:
        now = time.monotonic()
        room = Space(free=0 if self.stopped else 300 * MIB, total=512 * MIB, to_come=24 * MIB)
        return replace(
            job,
            status="paused" if self.stopped else "running",
            paused=self.stopped,
            io_status="nospace" if self.stopped else "ok",
            offset=40 * MIB,
            len=64 * MIB,
            rate=RATES[-1],
            rates=RATES,
            rated=60.0,
            eta=6.0,
            started=now - 42,
            moved=now,
            care=JobCare(space=room),
        )


@pytest.fixture
def told() -> Iterator[Told]:
    """What every screen is told of every VM."""
    words = Told()
    with steady.told(words.of):
        yield words


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_job_looks_as_it_did(
    vm: Vm, opened: Opened, place: Path, told: Told, size: Size
) -> None:
    async with opened(size) as album:
        deck = album.deck
        # It copies what the guest overwrites, and this guest writes nothing.
        target = {"target": str(place / "backups/saved.qcow2"), "format": "qcow2"}
        await vm.qmp(
            "drive-backup",
            {"device": "disk0", "job-id": "blockdeck-a1b2c3d4", "sync": "none", **target},
        )
        await deck.press("2")
        # What its guest does is told once its disk is known.
        await deck.sees("blockdeck-a1b2c3d4", "running", "a write takes")
        await album.compare("jobs")
        await deck.press("i")
        await album.compare("job-page")
        await deck.press("escape")
        for key, name in (
            *(("a", "verb-menu"), ("s", "speed")),
            *(("e", "easy"), ("c", "cancel-question")),
        ):
            await deck.press(key)
            await album.compare(name)
            await deck.press("escape")
        for key, name in (("3", "events"), ("1", "disks-busy")):
            await deck.press(key)
            await album.compare(name)
        told.stopped = True
        await deck.press("2")
        await deck.sees("The guest is STOPPED")
        await album.compare("jobs-stopped")
        await deck.press("R")
        await album.compare("rescue")


@pytest.fixture
def roomy(place: Path) -> Iterator[Path]:
    """A directory on a file system of its own, on which there is always as much room."""
    with small_filesystem(place / "kept", 64 * MIB) as there:
        yield there


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_chains_look_as_they_did(opened: Opened, roomy: Path, size: Size) -> None:
    kept = build(roomy / "backups", POINTS).kept
    alone = build(roomy / "alone", POINTS[:2])
    alone.kept.path.unlink()
    pages: tuple[tuple[str, Screen[Any], str], ...] = (
        ("verify", VerifyScreen(kept), "SOUND"),
        ("verify-images", VerifyStackScreen(alone.image(2)), "WHOLE"),
        ("restore", RestoreScreen(point_of(kept, 4)), "Ready."),
        ("prune", PruneScreen(kept.directory), "Nothing goes."),
    )
    async with opened(size) as album:
        deck = album.deck
        for name, page, words in pages:
            await deck.app.push_screen(page)
            await deck.sees(words)
            await album.compare(name)
            await deck.press("escape")
        await deck.press("5", "d")
        await deck.sees("directory")
        await deck.fill_in(str(kept.directory))
        await deck.press("enter")
        await deck.sees(kept.chain.id)
        await album.compare("chains")
