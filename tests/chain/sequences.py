"""Random sequences of writes and backups, each point held against a mirror of the writes.

A sequence is told by its seed alone. Whatever is done to BlockDeck, QEMU and the target, every
point that was complete stays as it was, and a new one is the disks at one moment: all disks at the
same one.
"""

import asyncio
import contextlib
import os
import random
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.agent.fake import FakeAgent, fake_agent
from tests.chain.points import (
    Mirror,
    State,
    check_points,
    drives,
    held,
    make_disks,
    nothing_left,
)
from tests.cli.running import ROOT
from tests.qemu import Refused, Vm, qemu, qemu_img
from tests.small import grow
from tests.waiting import until_answered
from tests.worker.disks import KIB, MIB
from tests.worker.watching import linked, running, until, worker_of
from tui.chain.directory import Kept, NoManifest, chains_in, manifest_name, read_chain
from tui.chain.disks import NeedsFull, NotPossible
from tui.chain.options import PointOptions
from tui.history import History
from tui.images.commands import ImageFormat
from tui.images.prune import prune
from tui.images.prune_plan import plan_prune
from tui.images.restore import plan_restore, restore
from tui.images.retention import Rules
from tui.images.source import at_point
from tui.qmp.errors import CommandRefused, QmpError
from tui.vm.snapshot import Link
from tui.whole import whole
from tui.worker import VmWorker
from tui.worker.point import Freeze, NotRecorded, PointFailed, RunningPoint

SIZE = 2 * MIB
ROOM = 64 * MIB
_SLOW = 64 * KIB


@cache
def can_fleece() -> bool:
    """Whether this QEMU is one that can: 7.1 or later."""
    found = re.search(r"version (\d+)\.(\d+)", qemu_img("--version"))
    assert found is not None
    return (int(found[1]), int(found[2])) >= (7, 1)


class Kind(NamedTuple):
    """The formats of the disks, and whether what the guest overwrites is saved on fast storage."""

    formats: tuple[str, ...]
    fleeces: bool


class Sequence:
    """One sequence.

    Args:
        seed: what all its chances come from.
        directory: for disks and sockets.
        backups: where the images go: a small file system of its own, so that it can be full.
        kind: the formats of the disks, and whether they are fleeced; by chance where it is None.
    """

    def __init__(self, seed: int, directory: Path, backups: Path, kind: Kind | None) -> None:
        self.done: list[str] = [f"seed {seed}"]
        self._chance = random.Random(seed)
        self._directory = directory
        self._history = directory / "state/blockdeck/history.jsonl"
        self._backups = backups
        if kind is None:
            some = [
                self._chance.choice(["raw", "qcow2"]) for _ in range(self._chance.choice([1, 2]))
            ]
            kind = Kind(tuple(some), self._chance.random() < 0.5)
        formats = kind.formats
        self._disks = make_disks(directory, formats, SIZE)
        self._mirror: Mirror | None = None
        self._fast = directory / "fast"
        self._fast.mkdir()
        self._fleeces = can_fleece() and kind.fleeces
        self._agent: FakeAgent | None = None
        self._kept: dict[str, Kept] = {}
        self._vms = 0
        self._written: list[tuple[str, int, int, int]] = []
        self._needs_full = False

    @property
    def mirror(self) -> Mirror:
        assert self._mirror is not None
        return self._mirror

    async def run(self, steps: int) -> None:
        """Do so many steps, and hold all points against the mirror at the end."""
        left = steps
        while left > 0:
            content = held(self._disks)
            points = self._mirror.points if self._mirror else {}
            async with self._vm() as vm:
                self._mirror = Mirror(vm, content, points)
                left = await self._in_vm(vm, left)
            await self.check()
        await self.check()
        await self._no_fleece_left()

    @contextlib.asynccontextmanager
    async def _vm(self) -> AsyncIterator[Vm]:
        self._vms += 1
        directory = self._directory / f"vm{self._vms}"
        options = ("-name", "seq", *drives(self._disks, plugged=self._fleeces))
        async with qemu(directory, *options) as vm, fake_agent(directory) as agent:
            self._agent = agent
            await vm.qmp("cont")
            yield vm
            # Whoever froze the guest was killed, perhaps; a watchdog was not.
            await until_answered(self._thawed)

    async def _thawed(self) -> bool:
        return self._agent is None or not self._agent.frozen

    async def _in_vm(self, vm: Vm, left: int) -> int:
        """Steps until QEMU is killed or ends; tells how many are left."""
        while left > 0:
            if self._chance.random() < 0.3:
                await self._killed_blockdeck(vm)
            worker = worker_of(vm, self._history)
            async with running(worker):
                await linked(worker, Link.CONNECTED)
                await self._take_up(worker)
                while left > 0:
                    left -= 1
                    step = self._chance.choices(
                        [self._backup, self._writes, self._prune, self._leave, self._end_vm],
                        [8, 3, 1, 1, 1],
                    )[0]
                    if not await step(worker, vm):
                        break
            if await self._is_gone(vm):
                return left
        if not await self._is_gone(vm):
            async with running(worker_of(vm, self._history)) as worker:
                await linked(worker, Link.CONNECTED)
                await self._take_up(worker)
                assert await until_answered(lambda: nothing_left(vm))
        return left

    async def _killed_blockdeck(self, vm: Vm) -> None:
        """A BlockDeck makes a point amid writes, the first one or the next, and is killed."""
        known = [kept for kept in self._kept.values() if kept.path.exists()]
        goes_on = bool(known) and (len(known) > 1 or self._chance.random() < 0.7)
        place = self._chance.choice(known).path if goes_on else self._backups
        words = ["chain", "next" if goes_on else "start", vm.monitor, place, "--speed", "1M"]
        if self._chance.random() < 0.3 and self._agent is not None:
            words += ["--agent", self._agent.path]
        moments = [self.mirror.now()]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tui", *words, "--fleece", self._fleece()),
            cwd=ROOT,
            env={**os.environ, "XDG_STATE_HOME": str(self._directory / "state")},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        seconds = self._chance.uniform(0.3, 2.5)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._guest_goes_on(process, moments)
        if process.returncode is None:
            process.kill()
            await process.wait()
        told = f"BlockDeck {words[1]} killed after {seconds:.1f} s, or ended: {process.returncode}"
        self.done.append(told)
        for kept in chains_in(self._backups)[0]:
            if kept.path == place or kept.chain.id not in self._kept:
                serial = max(point.serial for point in kept.chain.points)
                self._kept[kept.chain.id] = kept
                self.mirror.points.setdefault((kept.chain.id, serial), moments)

    async def _guest_goes_on(
        self, process: asyncio.subprocess.Process, moments: list[State]
    ) -> None:
        """Write now and then as long as a process runs."""
        ended = asyncio.ensure_future(process.wait())
        try:
            while not ended.done():
                # Who is cancelled over a write would not know whether it was done.
                await whole(self._write())
                moments.append(self.mirror.now())
                await asyncio.wait([ended], timeout=self._chance.uniform(0.02, 0.1))
        finally:
            ended.cancel()

    def _fleece(self) -> str:
        """Where what the guest overwrites is saved first, if it is."""
        if not self._fleeces or self._chance.random() < 0.4:
            return ""
        self.done.append("with fleecing")
        return str(self._fast)

    async def _is_gone(self, vm: Vm) -> bool:
        try:
            await vm.qmp("query-status")
        except (ConnectionError, OSError):
            return True
        return False

    async def check(self) -> None:
        """Every complete point is the disks at its moment; its images are there, no others."""
        there = {path.name for path in self._backups.iterdir() if not path.name.startswith(".")}
        for kept in self._kept.values():
            try:
                chain = read_chain(kept.path).chain
            except NoManifest:
                # Its first point came to nothing.
                assert not any(chain_id == kept.chain.id for chain_id, _ in self.mirror.points)
                continue
            check_points(kept, self.mirror)
            marked = {serial for chain_id, serial in self.mirror.points if chain_id == chain.id}
            complete = {point.serial for point in chain.points if point.complete}
            running = {point.serial for point in chain.points} - complete
            assert complete == marked - running, (complete, marked, running)
            made = [point.images.values() for point in chain.points if point.complete]
            assert {image.file for images in made for image in images} <= there
            if complete and self._chance.random() < 0.3:
                await self._restore(read_chain(kept.path), self._chance.choice(sorted(complete)))
        on_record = {fleece.path for fleece in History(self._history).fleeces.all()}
        assert {str(path) for path in self._fast.iterdir()} <= on_record

    async def _no_fleece_left(self) -> None:
        """What was left when BlockDeck and QEMU were both killed, the next BlockDeck deletes."""
        left = list(self._fast.iterdir())
        if not left:
            return
        self.done.append(f"fleeces left: {left}")
        async with self._vm() as vm, running(worker_of(vm, self._history)):

            async def gone() -> bool:
                return not list(self._fast.iterdir())

            assert await until_answered(gone)

    async def _restore(self, kept: Kept, serial: int) -> None:
        """Read a point back as an operator does."""
        (moment,) = self.mirror.points[kept.chain.id, serial]
        for disk in kept.chain.disks:
            target = self._directory / "restored.raw"
            plan = await plan_restore(at_point(kept, serial, disk.name), target, ImageFormat.RAW)
            await restore(plan)
            assert target.read_bytes() == moment[disk.name], (kept.chain.id, serial, disk.name)
            target.unlink()
        self.done.append(f"{kept.chain.id}-{serial}: restored")

    # --- steps -----------------------------------------------------------------------------------

    async def _writes(self, worker: VmWorker, vm: Vm) -> bool:
        for _ in range(self._chance.randint(1, 6)):
            await self._write()
        return True

    async def _write(self) -> None:
        name = self._chance.choice(list(self._disks))
        length = self._chance.choice([512, 4 * KIB, 64 * KIB, 200 * KIB])
        offset = self._chance.randrange(0, SIZE - length, 512)
        byte = self._chance.randrange(256) if self._chance.random() < 0.8 else 0
        await self.mirror.write(name, offset, length, byte)
        self._written.append((name, offset, length, byte))

    async def _write_again(self) -> None:
        """A full target can fail the guest's writes, and `qemu-io` tells only QEMU's output."""
        for written in self._written:
            await self.mirror.write(*written)

    async def _prune(self, worker: VmWorker, vm: Vm) -> bool:
        """What a rule does not keep goes; what it keeps stays what it was."""
        await self.check()
        kept = [read_chain(one.path) for one in self._kept.values() if one.path.exists()]
        for plan in await plan_prune(kept, Rules(last=self._chance.randint(1, 4))):
            if plan.hindrance or not plan.drop:
                continue
            gone = await prune(plan)
            self.done.append(f"{plan.kept.chain.id}: pruned, {len(gone)} files")
            self._forget(plan.kept)
            await self.check()
        return True

    async def _leave(self, worker: VmWorker, vm: Vm) -> bool:
        self.done.append("leave")
        return False

    async def _end_vm(self, worker: VmWorker, vm: Vm) -> bool:
        if self._chance.random() < 0.5:
            self.done.append("kill QEMU")
            await vm.kill()
        else:
            self.done.append("quit QEMU")
            with contextlib.suppress(ConnectionError):
                await vm.qmp("quit")
            await vm.ended()
        return False

    async def _backup(self, worker: VmWorker, vm: Vm) -> bool:
        fate = self._chance.choices(["end", "cancel", "full", "leave", "kill"], [8, 2, 2, 1, 1])[0]
        slow = fate != "end" or self._chance.random() < 0.5
        self.done.append(f"backup: {fate}{', slow' if slow else ''}")
        if fate == "full":
            used = sum(path.stat().st_blocks * 512 for path in self._backups.iterdir())
            grow(self._backups, used + self._chance.choice([64, 200, 700]) * KIB)
        self._written.clear()
        killing = asyncio.ensure_future(self._kill_soon(vm)) if fate == "kill" else None
        try:
            goes_on = await self._with_fate(worker, vm, fate, slow)
            if killing is not None:
                await killing
            return goes_on
        except (QmpError, NotPossible, PointFailed, ConnectionError) as error:
            if killing is None:
                raise
            await killing
            self.done.append(f"killed while it began: {error}")
            return False
        finally:
            grow(self._backups, ROOM)
            if fate == "full":
                await self._write_again()

    async def _kill_soon(self, vm: Vm) -> None:
        """At any moment: while targets are made, before the jobs start, while they run."""
        await asyncio.sleep(self._chance.uniform(0, 0.6))
        await vm.kill()

    async def _with_fate(self, worker: VmWorker, vm: Vm, fate: str, slow: bool) -> bool:
        moments: list[State] = [self.mirror.now()]
        options = PointOptions(speed=_SLOW if slow else 0, fleece=self._fleece())
        try:
            point = await self._point(worker, options)
            running = await self._during(point.__aenter__(), moments)
        except NeedsFull as needed:
            self.done.append(f"needs a full point: {needed}")
            self._needs_full = True
            return await self._with_fate(worker, vm, fate, slow)
        except CommandRefused as error:
            self.done.append(f"refused: {error}")
            if fate != "full":
                raise
            return True
        try:
            return await self._to_its_end(worker, vm, running, moments, fate, slow)
        finally:
            await point.__aexit__(None, None, None)

    async def _to_its_end(
        self,
        worker: VmWorker,
        vm: Vm,
        running: RunningPoint,
        moments: list[State],
        fate: str,
        slow: bool,
    ) -> bool:
        chain, serial = running.chain, running.point.serial
        self._kept[chain.id] = Kept(self._backups / manifest_name(chain), chain)
        # It is held against that should it become complete.
        self.mirror.points[chain.id, serial] = moments
        for _ in range(self._chance.randint(0, 4) if slow else 1):
            await self._write()
        if fate == "leave":
            return await self._leave(worker, vm)
        if fate == "cancel":
            await until(worker, lambda: all(worker.snapshot.job(j) for j in running.job_ids))
            # It may be over already.
            with contextlib.suppress(CommandRefused):
                await worker.cancel(self._chance.choice(running.job_ids))
        elif slow:
            await self._let_go(running.job_ids)
        try:
            async with asyncio.timeout(30):
                self._kept[chain.id] = await worker.chains.finish(running)
            self.done.append(f"{chain.id}-{serial}: complete")
        except PointFailed as failed:
            self.done.append(f"{chain.id}-{serial}: {failed}")
            if fate == "end":
                raise
            self.mirror.points.pop((chain.id, serial))
        except NotRecorded as reason:
            # The next point, or who takes it up, has it complete.
            self.done.append(f"{chain.id}-{serial}: {reason}")
            if fate != "full":
                raise
        return fate != "kill"

    async def _let_go(self, job_ids: Iterable[str]) -> None:
        for job_id in job_ids:
            # It may be over already.
            with contextlib.suppress(Refused):
                await self.mirror.vm.qmp("block-job-set-speed", device=job_id, speed=0)

    async def _point(
        self, worker: VmWorker, options: PointOptions
    ) -> AbstractAsyncContextManager[RunningPoint]:
        """A point of a new chain, or of one that is there; full where no increment can be made."""
        freeze = self._freeze(worker)
        known = [kept for kept in self._kept.values() if kept.path.exists()]
        if not known or (len(known) < 2 and self._chance.random() < 0.15):
            names = list(self._disks)[: 1 if known else None]
            devices = [d for d in worker.snapshot.devices if d.title in names]
            return worker.chains.begin(devices, self._backups, options, freeze)
        kept = read_chain(self._chance.choice(known).path)
        full = self._chance.random() < 0.1 or self._needs_full
        self._needs_full = False
        return worker.chains.go_on(kept, options, freeze, full=full)

    def _freeze(self, worker: VmWorker) -> Freeze | None:
        """How the guest is frozen, if it is."""
        agent = self._agent if self._chance.random() < 0.2 else None
        if agent is None:
            return None
        self.done.append("frozen")
        return lambda: worker.freezing.frozen(agent.path)

    async def _during(self, begin: Awaitable[RunningPoint], moments: list[State]) -> RunningPoint:
        """Begin amid writes: whichever of them came first, the point is of a moment between two."""
        if self._chance.random() < 0.5:
            return await begin
        task = asyncio.ensure_future(begin)
        try:
            while not task.done():
                await self._write()
                moments.append(self.mirror.now())
                await asyncio.sleep(0)
        except ConnectionError:
            # QEMU was killed; whoever begins is told so, too.
            await asyncio.wait([task])
        return await task

    async def _take_up(self, worker: VmWorker) -> None:
        """Come back: what was left running is taken up, and is complete or gone then."""
        for kept in chains_in(self._backups)[0]:
            # QEMU may have been killed while it was begun.
            self._kept.setdefault(kept.chain.id, kept)
        for kept in list(self._kept.values()):
            if kept.path.exists():
                kept = read_chain(kept.path)
                async with worker.chains.take_up(kept) as found:
                    if isinstance(found, RunningPoint):
                        await self._let_go(found.job_ids)
                        await worker.chains.finish(found)
                        self.done.append(f"{kept.chain.id} taken up and complete")
            self._forget(kept)

    def _forget(self, kept: Kept) -> None:
        """What did not become complete is no point."""
        with contextlib.suppress(NoManifest):
            kept = read_chain(kept.path)
            complete = {point.serial for point in kept.chain.points if point.complete}
            for key in [key for key in self.mirror.points if key[0] == kept.chain.id]:
                if key[1] not in complete:
                    del self.mirror.points[key]
            return
        for key in [key for key in self.mirror.points if key[0] == kept.chain.id]:
            del self.mirror.points[key]


async def run_sequence(
    seed: int,
    directory: Path,
    small: Callable[[Path, int], contextlib.AbstractContextManager[Path]],
    kind: Kind | None = None,
) -> list[str]:
    """Run one sequence; tells its steps, and so does what fails."""
    directory.mkdir()
    with small(directory / "backups", ROOM) as backups:
        sequence = Sequence(seed, directory, backups, kind)
        try:
            async with asyncio.timeout(100):
                await sequence.run(10)
        except BaseException as error:
            error.add_note("\n".join(sequence.done))
            raise
        return sequence.done
