"""A Linux guest's ext4 under write load: backed up frozen and not, every file is in the restore."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from functools import partial
from pathlib import Path

import pytest

from tests.cli.running import ROOT, blockdeck
from tests.linux.guest import DISK, LinuxGuest, RestoredDisk
from tests.qemu import QemuStarter
from tests.waiting import until
from tui.agent import ask_status


@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "not frozen"])
async def test_what_was_safe_in_the_guest_is_in_the_restored_file_system(
    qemu: QemuStarter, tmp_path: Path, frozen: bool
) -> None:
    guest = await LinuxGuest.boot(qemu, tmp_path)
    place = tmp_path / "backups"
    place.mkdir()
    freeze = ("--freeze",) if frozen else ()
    safe = []
    for word in ("start", "next"):
        await guest.saves(10)
        safe.append(guest.saved)
        done = await blockdeck("chain", word, guest.vm.monitor, place, *freeze, "--json")
        assert (done.status, done.err) == (0, "")
        point = done.lines[-1]["points"][-1]
        if frozen:
            assert 0 < point["frozen_seconds"] < 10
            assert await ask_status(guest.agent) == "thawed"
    # It goes on as if nothing had been.
    await guest.saves(5)
    everything = guest.saved

    kept = []
    for number, expected in enumerate(safe, 1):
        raw = tmp_path / f"restored{number}.raw"
        words = ("restore", place, raw, "--point", number, "--disk", DISK, "--format", "raw")
        done = await blockdeck(*words)
        assert done.status == 0, done.err
        disk = RestoredDisk(raw, guest.files)
        # Frozen it is as after an orderly unmount, else as after a power cut.
        assert await asyncio.to_thread(disk.needs_recovery) is not frozen
        if not frozen:
            await asyncio.to_thread(disk.recover)
        await asyncio.to_thread(disk.check)
        found = await asyncio.to_thread(disk.kept, tmp_path / f"kept{number}")
        assert {name: found.get(name) for name in expected} == expected
        # What is there beyond that is as the guest has written it, too.
        whole = {name: digest for name, digest in found.items() if name in everything}
        assert whole == {name: everything[name] for name in whole}
        # A file that is still being written has a name of its own.
        kept.append(set(whole))
    assert kept[0] < kept[1]
    assert set(everything) - kept[1], "the guest wrote on after the last point"


async def test_a_guest_whose_freezer_is_killed_goes_on(qemu: QemuStarter, tmp_path: Path) -> None:
    guest = await LinuxGuest.boot(qemu, tmp_path)
    for number in (signal.SIGKILL, signal.SIGSTOP):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.agent.freezing", str(guest.agent), "8"),
            cwd=ROOT,
            stdout=PIPE,
        )
        assert process.stdout is not None
        try:
            assert await asyncio.wait_for(process.stdout.readline(), 60) == b"frozen\n"
            enough = len(guest.saved) + 5
            process.send_signal(number)
            # Much later than a file takes to be saved, but for the freeze.
            await until(partial(guest.has_saved, enough), 90)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
    assert await ask_status(guest.agent) == "thawed"
