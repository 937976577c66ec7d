"""Workers in tests: made, waited for, and asked for jobs."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.qemu import Vm
from tui.history import History
from tui.qmp.address import UnixAddress
from tui.vm.job import Job
from tui.vm.snapshot import Link
from tui.worker import Pace, VmWorker

T = TypeVar("T")

PATIENCE = 20.0
BRISK = Pace(idle=1.0, busy=0.1, settle=0.02, command=5.0, connect=2.0, back_off=(0.05,))
J = "blockdeck-j"


async def until(worker: VmWorker, look: Callable[[], T], within: float = PATIENCE) -> T:
    """The first true answer of `look`, asked whenever something changes."""
    changed = asyncio.Event()
    unsubscribe = worker.subscribe(changed.set)
    try:
        async with asyncio.timeout(within):
            while not (answer := look()):
                await changed.wait()
                changed.clear()
            return answer
    except TimeoutError as error:
        raise AssertionError(f"never within {within} s: {worker.snapshot}") from error
    finally:
        unsubscribe()


async def ended(worker: VmWorker, job_id: str = J) -> Job:
    """The last job with that id, once QEMU has let go of it."""

    def look() -> Job | None:
        job = worker.snapshot.job(job_id)
        return job if job is not None and job.status == "null" else None

    job = await until(worker, look)
    assert job is not None
    return job


async def linked(worker: VmWorker, link: Link) -> None:
    """The line to QEMU stands like this."""
    await until(worker, lambda: worker.snapshot.connection.link is link)


def worker_of(vm: Vm, history: Path | None = None, pace: Pace = BRISK, **more: Any) -> VmWorker:
    """A worker on the monitor of a VM."""
    kept = History(history) if history is not None else None
    return VmWorker(UnixAddress(path=vm.monitor), history=kept, pace=pace, **more)


@contextlib.asynccontextmanager
async def running(worker: VmWorker) -> AsyncIterator[VmWorker]:
    """A worker that runs as it does in the UI: it connects, and connects again."""
    task = asyncio.create_task(worker.run())
    try:
        yield worker
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait([task])


def into(directory: Path, **more: Any) -> dict[str, Any]:
    """Arguments of a full backup of `d0` into a directory."""
    return {
        "job-id": J,
        "device": "d0",
        "target": str(directory / "target.qcow2"),
        "format": "qcow2",
        "sync": "full",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


def backup(vm: Vm, device: str = "d0", **more: Any) -> dict[str, Any]:
    """Arguments of a full backup, of which the outcome stays until it is dismissed."""
    usual = {"target": str(vm.directory / "target.img"), "auto_dismiss": False}
    return into(vm.directory, device=device, **{**usual, **more})


def written(history: Path) -> list[dict[str, Any]]:
    """What is on record."""
    return [json.loads(line) for line in history.read_text().splitlines()]
