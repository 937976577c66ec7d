"""A backup that meets a fault, by either way, and what must be so afterwards."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.guest import booted, guest_disk
from tests.qemu import QemuStarter, Vm, qemu_img
from tests.small import small_filesystem
from tests.waiting import until_answered
from tests.worker.disks import MIB, drive, pattern, unreadable
from tests.worker.watching import BRISK, J, into, until, worker_of
from tui.backup.way import Way
from tui.vm.job import Job
from tui.vm.target_nodes import target_nodes
from tui.worker import VmWorker

POLICIES = ("report", "ignore", "enospc", "stop", "auto")
"""Every `BlockdevOnError`."""

WAYS = (Way.DRIVE, Way.BLOCKDEV)

_ROOM = MIB
_GUEST_SIZE = 8 * MIB
_UNREADABLE = 3 * MIB // 2
"""Where a broken disk of a guest cannot be read: some writes after its first."""
_UNWRITABLE = MIB
"""Where a broken target of a guest's backup cannot be written: the guest's first write."""

_BROKEN = {"event": "none", "iotype": "write", "errno": 5}

Graph = list[tuple[str, str]]


@dataclass(frozen=True)
class Fault:
    """What goes wrong for good.

    Attributes:
        side: of which `on-*-error` it is.
        error: QEMU's words for it.
        io_status: what a job that is stopped by it has.
    """

    side: str
    error: str
    io_status: str

    def fate(self, policy: str) -> str:
        """What becomes of the job under a policy: `failed`, `paused`, or it tries for ever."""
        if policy == "ignore":
            return "endless"
        stops = policy == "stop" or (policy in ("enospc", "auto") and self.io_status == "nospace")
        return "paused" if stops else "failed"


FULL = Fault("target", "No space left on device", "nospace")
BROKEN_TARGET = Fault("target", "Input/output error", "failed")
BROKEN_SOURCE = Fault("source", "Input/output error", "failed")
FAULTS = {"full": FULL, "broken target": BROKEN_TARGET, "broken source": BROKEN_SOURCE}


@dataclass(frozen=True)
class Scene:
    """A VM, its worker with a backup `J` of `d0`, and the graph before that."""

    vm: Vm
    worker: VmWorker
    before: Graph
    history: Path

    @property
    def job(self) -> Job:
        """The backup."""
        job = self.worker.snapshot.job(J)
        assert job is not None
        return job


async def graph(vm: Vm) -> Graph:
    """Every node, backend and job, by kind and name; safe with a concluded job, also on 5.2."""
    found = await vm.qmp("x-debug-query-block-graph")
    return sorted((node["type"], node["name"]) for node in found["nodes"])


async def is_clean(vm: Vm, before: Graph) -> None:
    """Neither job nor node, named or not, nor filter is there that was not before."""

    async def restored() -> bool:
        # A QEMU 5.2 closes a target only once it is asked something after the end.
        return await vm.qmp("query-jobs") == [] and await graph(vm) == before

    try:
        await until_answered(restored)
    except AssertionError as error:
        left = await vm.qmp("query-jobs"), await graph(vm)
        raise AssertionError(f"{before} became {left}") from error
    named = {node["node-name"] for node in await vm.qmp("query-named-block-nodes")}
    assert named == {name for kind, name in before if kind == "block-driver"}


async def disk_works(vm: Vm, device: str = "d0") -> None:
    """The VM is as it was told to be, and its disk takes a write at once."""
    assert (await vm.qmp("query-status"))["status"] == "running"
    await vm.write(device, 64 << 10, 4096, 0x5A)


async def stopped_by_error(worker: VmWorker, io_status: str) -> Job:
    """Wait until QEMU has paused the job for an error."""

    def look() -> Job | None:
        job = worker.snapshot.job(J)
        return job if job and job.state == "paused" and job.io_status == io_status else None

    job = await until(worker, look)
    assert job is not None
    return job


def wanted(directory: Path, **more: Any) -> dict[str, Any]:
    """Arguments of a backup of `d0` into a directory; QEMU holds its outcome until dismissed."""
    return into(directory, **{"auto_dismiss": False, **more})


def broken_target(directory: Path, size: int, where: dict[str, int]) -> str:
    """A target for `mode=existing` that takes no write, or none of one place."""
    rules = directory / "broken.conf"
    rule = {**_BROKEN, **where}
    lines = "".join(f'{name} = "{value}"\n' for name, value in rule.items())
    rules.write_text(f"[inject-error]\n{lines}")
    return f"blkdebug:{rules}:{_empty(directory, size)}"


async def begin_with_broken_nodes(
    vm: Vm, directory: Path, size: int, where: dict[str, int], **more: Any
) -> None:
    """A backup as a BlockDeck starts it that is gone now, to nodes that take no write."""
    top, bottom = target_nodes(J)
    image = {"driver": "file", "filename": str(_empty(directory, size))}
    broken = {"driver": "blkdebug", "node-name": bottom, "image": image}
    await vm.qmp("blockdev-add", {**broken, "inject-error": [{**_BROKEN, **where}]})
    await vm.qmp("blockdev-add", driver="raw", node_name=top, file=bottom)
    unlike = ("format", "mode")
    arguments = {k: v for k, v in wanted(directory, **more).items() if k not in unlike}
    await vm.qmp("blockdev-backup", {**arguments, "target": top})


def _empty(directory: Path, size: int) -> Path:
    image = directory / "broken.raw"
    qemu_img("create", "-q", "-f", "raw", image, str(size))
    return image


@contextlib.asynccontextmanager
async def meeting(
    fault: Fault, way: Way, qemu: QemuStarter, directory: Path, **more: Any
) -> AsyncIterator[Scene]:
    """A backup of a disk without a guest, which is to meet a fault at once."""
    source = drive(pattern(directory / "disk.raw"))
    options = unreadable() if fault is BROKEN_SOURCE else source
    vm = await qemu(*options)
    async with _scene(fault, way, vm, directory, 4 * MIB, {}, **more) as scene:
        yield scene


@contextlib.asynccontextmanager
async def guest_meeting(
    fault: Fault, way: Way, qemu: QemuStarter, directory: Path, werror: str, **more: Any
) -> AsyncIterator[Scene]:
    """A backup that is much slower than the guest, which so meets the fault instead of the job."""
    disk = guest_disk(directory / "disk.raw", _GUEST_SIZE)
    options = broken_guest_disk(disk) if fault is BROKEN_SOURCE else {}
    vm = await qemu(*booted(disk, werror=werror, **options))
    # The job, which begins at 0, does not come there.
    where = {"sector": _UNWRITABLE // 512}
    async with _scene(fault, way, vm, directory, _GUEST_SIZE, where, speed=1, **more) as scene:
        yield scene


def broken_guest_disk(disk: Path) -> dict[str, str]:
    """More options of a drive: a sector that the guest overwrites, and nobody can read."""
    rule = {"event": "none", "iotype": "read", "errno": "5", "sector": str(_UNREADABLE // 512)}
    rules = {f"file.inject-error.0.{name}": value for name, value in rule.items()}
    return {"file.driver": "blkdebug", "file.image.filename": str(disk), **rules}


@contextlib.asynccontextmanager
async def _scene(
    fault: Fault,
    way: Way,
    vm: Vm,
    directory: Path,
    size: int,
    where: dict[str, int],
    **more: Any,
) -> AsyncIterator[Scene]:
    await vm.qmp("cont")
    before = await graph(vm)
    history = directory / "history"
    async with contextlib.AsyncExitStack() as owner:
        place = directory
        if fault is FULL:
            place = owner.enter_context(small_filesystem(directory / "small", _ROOM))
        adopted = fault is BROKEN_TARGET and way is Way.BLOCKDEV
        if adopted:
            await begin_with_broken_nodes(vm, directory, size, where, **more)
        # A job that tries again and again keeps its QEMU from answering.
        patient = BRISK._replace(command=20.0)
        worker = await owner.enter_async_context(worker_of(vm, history, patient))
        if fault is BROKEN_TARGET and not adopted:
            target = broken_target(directory, size, where)
            more |= {"target": target, "mode": "existing", "format": "raw"}
        if not adopted:
            await worker.start(wanted(place, **more), way=way)
        yield Scene(vm, worker, before, history)
