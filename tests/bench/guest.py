"""What a backup costs its guest, as it is and easy on it: `python -m tests.bench.guest`.

A real guest writes a sector 18 times a second where the copy has not been; the target takes a
limited number of bytes a second. Without a backup, with one, and with one that goes easy, in turn,
in one run and on one disk.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from tests.guest import MIB, booted, large_guest_disk
from tests.qemu import Vm, qemu
from tui.qmp.address import UnixAddress
from tui.units import milliseconds, rate
from tui.vm.bound import Bound
from tui.vm.care import Wishes
from tui.worker import VmWorker

JOB = "bench"


class Phase:
    """The mean times of the guest's writes from look to look, and how fast the copy was."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.waits: list[float] = []
        self.rates: list[float] = []

    def row(self, before: "Phase") -> str:
        """A line of the table."""
        usual, base = statistics.median(self.waits), statistics.median(before.waits)
        copied = rate(statistics.mean(self.rates)) if self.rates else "-"
        return (
            f"{self.name:<20}{milliseconds(usual):>10}{usual / base:>9.1f}x"
            f"{milliseconds(statistics.mean(self.waits)):>10}{milliseconds(max(self.waits)):>10}"
            f"{copied:>14}"
        )


async def watch(worker: VmWorker, phase: Phase, seconds: float) -> None:
    """Note each look for so long."""
    changed = asyncio.Event()
    unsubscribe = worker.subscribe(changed.set)
    end, last = time.monotonic() + seconds, None
    while (left := end - time.monotonic()) > 0:
        changed.clear()
        try:
            await asyncio.wait_for(changed.wait(), left)
        except TimeoutError:
            break
        (device,) = (d for d in worker.snapshot.devices if d.device == "d0")
        job = worker.snapshot.job(JOB)
        seen = device.writes
        if seen.now is not None and seen != last:
            last = seen
            phase.waits.append(seen.now)
        if job is not None and job.live and job.rates:
            phase.rates = list(job.rates)
    unsubscribe()


async def measure(vm: Vm, seconds: float) -> list[Phase]:
    """All three, one after the other."""
    phases = [Phase("no backup"), Phase("backup"), Phase("backup, easy (2x)")]
    async with VmWorker(UnixAddress(path=vm.monitor)) as worker:
        await watch(worker, phases[0], max(seconds, 20))
        for phase, wishes in zip(phases[1:], (Wishes(), Wishes(easy=Bound())), strict=True):
            await vm.qmp("blockdev-backup", job_id=JOB, device="d0", target="target", sync="full")
            while not (job := worker.snapshot.job(JOB)) or not job.live or not job.type:
                await asyncio.sleep(0.05)
            worker.wish(JOB, wishes)
            await watch(worker, phase, seconds)
            await vm.qmp("block-job-cancel", device=JOB, force=True)
            while worker.snapshot.live_jobs:
                await asyncio.sleep(0.05)
    return phases


async def run(seconds: float, limit: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as directory:
        size = int(limit * seconds * 3)
        disk = large_guest_disk(Path(directory) / "disk.raw", size, size // 2 // MIB * MIB)
        slow = (
            *("-object", f"throttle-group,id=slow,x-bps-total={limit}"),
            *("-blockdev", f"null-co,node-name=nowhere,size={size},read-zeroes=on"),
            *("-blockdev", "throttle,node-name=target,throttle-group=slow,file=nowhere"),
        )
        async with qemu(Path(directory), *booted(disk), *slow) as vm:
            await vm.qmp("cont")
            phases = await measure(vm, seconds)
    print(f"target: {rate(limit)}; {seconds:.0f} s each\n")
    heads = f"{'median':>10}{'ratio':>10}{'mean':>10}{'worst':>10}{'copied':>14}"
    print(f"{'a write of the guest':<20}{heads}")
    for phase in phases:
        print(phase.row(phases[0]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--limit", type=int, default=16 * MIB, help="bytes a second")
    asked = parser.parse_args()
    asyncio.run(run(asked.seconds, asked.limit))
