"""How fast a disk is copied: `python -m tests.bench.throughput`.

A raw disk, half of it random data and half of it holes, the page cache dropped before each copy,
until all of the target is on the disk; each in turn, several rounds. Ours against a plain script
that sends `drive-backup` with QEMU's defaults, `qemu-img convert` and `cp`.
"""

import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.running import run
from tests.qemu import Vm, qemu
from tests.waiting import until
from tui.backup.arguments import Json
from tui.backup.defaults import default_arguments
from tui.backup.draft import parse_draft
from tui.backup.fields import form_fields
from tui.backup.presets import Preset, fill_in
from tui.backup.target_io import TargetIo
from tui.backup.way import Way
from tui.demo.qemu_binary import find_qemu
from tui.qmp.address import UnixAddress
from tui.vm.job import Outcome
from tui.worker import VmWorker

GIB, MIB = 1 << 30, 1 << 20
ROUNDS = 9
LEAST_PLAIN, LEAST_FAST = 1.0, 0.95

Copy = Callable[[Path], Awaitable[None]]
"""Copies the disk to a new file."""


def make_disk(path: Path, size: int) -> None:
    """Random data in two blocks, each followed by a hole as large."""
    with path.open("wb") as file:
        for start in (0, size // 2):
            file.seek(start)
            for _ in range(size // 4 // MIB):
                file.write(os.urandom(MIB))
        file.truncate(size)
        os.fsync(file.fileno())


def forget(path: Path) -> None:
    """Drop a file's pages from the cache, so that it is read from the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def settle(path: Path) -> None:
    """Have all of a file on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


class Bench:
    """The disk, the VM that has it, and the ways to copy it."""

    def __init__(self, vm: Vm, disk: Path, worker: VmWorker) -> None:
        self._vm = vm
        self._disk = disk
        self._worker = worker

    async def plain(self, target: Path) -> None:
        """What a script of one command does."""
        await self._vm.qmp("drive-backup", device="d0", target=str(target), sync="full")

        async def over() -> bool:
            return bool(await self._vm.qmp("query-block-jobs") == [])

        while not await over():
            await asyncio.sleep(0.005)

    def ours(
        self,
        more: Mapping[str, Json] | None = None,
        *,
        way: Way = Way.DRIVE,
        target_io: TargetIo = TargetIo.WRITEBACK,
    ) -> Copy:
        """BlockDeck's, from the order until it says that it has succeeded."""

        async def copy(target: Path) -> None:
            worker = self._worker
            device = worker.snapshot.device_named("d0")
            assert device is not None
            now = datetime.now(UTC)
            arguments = default_arguments(device, worker.snapshot, str(target.parent), now)
            arguments |= {
                "target": str(target),
                "job-id": f"blockdeck-{target.name}",
                **(more or {}),
            }
            job_id = await worker.start(arguments, way=way, target_io=target_io)
            changed = asyncio.Event()
            unsubscribe = worker.subscribe(changed.set)
            try:
                while (job := worker.snapshot.job(job_id)) is None or job.outcome is None:
                    changed.clear()
                    await changed.wait()
            finally:
                unsubscribe()
            assert job.outcome is Outcome.SUCCEEDED, job

        return copy

    def fast(self, driver: str) -> dict[str, Json]:
        """The arguments that the preset fills in for a new target of that format."""
        schema = self._worker.schema
        assert schema is not None
        texts = {"format": driver, "mode": "absolute-paths"}
        specs = form_fields(schema)
        filled = fill_in(Preset.FAST, texts, {spec.name for spec in specs})
        return parse_draft(texts | filled, specs).arguments

    def program(self, *words: str) -> Copy:
        """A program, given the disk and the target last."""

        async def copy(target: Path) -> None:
            process = await asyncio.create_subprocess_exec(*words, self._disk, target)
            assert await process.wait() == 0

        return copy


async def timed(copy: Copy, disk: Path, target: Path) -> float:
    """Seconds until the copy is on the disk."""
    # What the one before has left to be written or discarded is not to be paid for by this one.
    await asyncio.to_thread(os.sync)
    await asyncio.to_thread(forget, disk)
    begin = time.perf_counter()
    await copy(target)
    await asyncio.to_thread(settle, target)
    took = time.perf_counter() - begin
    target.unlink()
    return took


async def compare(size: int, rounds: int) -> dict[str, float]:
    """The median bytes a second of each way, in turn."""
    with tempfile.TemporaryDirectory(dir=Path.cwd() / "build", prefix="bench-") as name:
        home = Path(name)
        disk = home / "disk.raw"
        await asyncio.to_thread(make_disk, disk, size)
        options = ("-drive", f"if=none,id=d0,format=raw,file={disk}")
        async with (
            qemu(Path("/tmp") / home.name, *options) as vm,
            VmWorker(UnixAddress(path=vm.monitor)) as worker,
        ):
            bench = Bench(vm, disk, worker)
            await until(lambda: worker.schema)
            img = str(find_qemu().img)
            raw = ("-f", "raw", "-O", "raw")
            small, by_kernel = (bench.fast(driver) for driver in ("qcow2", "raw"))
            ways: dict[str, Copy] = {
                "plain": bench.plain,
                "default": bench.ours(),
                "fast": bench.ours(small),
                "fast, raw": bench.ours(by_kernel),
                "by nodes": bench.ours(way=Way.BLOCKDEV),
                "fast by nodes": bench.ours(small, way=Way.BLOCKDEV),
                "by nodes, direct": bench.ours(way=Way.BLOCKDEV, target_io=TargetIo.DIRECT),
                "convert": bench.program(img, "convert", *raw),
                "convert -W": bench.program(img, "convert", "-W", *raw),
                "cp": bench.program("cp", "--sparse=always", "--reflink=never"),
            }
            found: dict[str, list[float]] = {way: [] for way in ways}
            for turn in range(rounds):
                # In another order each time: what runs after what makes a difference.
                order = random.Random(turn).sample([*ways.items()], len(ways))
                for number, (way, copy) in enumerate(order):
                    # The one before has succeeded, but QEMU may not have forgotten it yet.
                    await until(lambda: not worker.snapshot.job_ids)
                    seconds = await timed(copy, disk, home / f"{turn}-{number}")
                    found[way].append(size / seconds)
    return {way: statistics.median(rates) for way, rates in found.items()}


async def measure(quick: bool) -> list[Figure]:
    """Ours beside its peers, in MB of the disk's size a second."""
    size = 64 * MIB if quick else 4 * GIB
    rates = {way: rate / 1e6 for way, rate in (await compare(size, 1 if quick else ROUNDS)).items()}
    quicker = max(("convert -W", "cp"), key=lambda way: rates[way])
    what = f"backup of {size // MIB:,} MiB, half holes"
    names = {"convert": "qemu-img convert", "convert -W": "qemu-img convert -W"}

    def beside(way: str, peer: str, least: float | None, told: str) -> Figure:
        return Figure(
            what=f"{what}, {told}",
            value=rates[way],
            unit="MB/s",
            reach=least,
            least=True,
            by_ratio=True,
            peer=names.get(peer, {"plain": "plain QMP", "by nodes": "through it"}.get(peer, peer)),
            beside=rates[peer],
        )

    return [
        beside("default", "plain", LEAST_PLAIN, "default, qcow2"),
        beside("default", "convert", None, "default, qcow2"),
        beside("fast", "plain", LEAST_PLAIN, "fast, qcow2"),
        beside("fast", quicker, LEAST_FAST, "fast, qcow2"),
        beside("fast, raw", "plain", LEAST_PLAIN, "fast, raw"),
        beside("fast, raw", quicker, LEAST_FAST, "fast, raw"),
        beside("by nodes", "plain", LEAST_PLAIN, "blockdev-backup, qcow2"),
        beside("fast by nodes", quicker, LEAST_FAST, "blockdev-backup, fast, qcow2"),
        beside("by nodes, direct", "by nodes", None, "the same past the page cache"),
    ]


if __name__ == "__main__":
    run([measure])
