"""No QEMU dies of being watched, whatever becomes of its backups."""

from pathlib import Path
from typing import Any

from tests.qemu import Vm, qemu
from tests.waiting import until, until_answered
from tui.qmp.address import UnixAddress
from tui.vm.job import Job, Outcome
from tui.worker.pace import Pace
from tui.worker.worker import VmWorker

RESTLESS = Pace(idle=0.02, busy=0.02, inventory=0.02, settle=0.0)
MIB = 1 << 20


def arguments(directory: Path, job_id: str, **more: Any) -> dict[str, Any]:
    """A backup of the disk d0 to a file of its own."""
    target = str(directory / f"{job_id}.img")
    spelled = {name.replace("_", "-"): value for name, value in more.items()}
    return {"job-id": job_id, "device": "d0", "sync": "full", "target": target, **spelled}


async def outcome(worker: VmWorker, job_id: str) -> Outcome:
    """How a job ended, once it has."""

    def ended() -> Job | None:
        job = worker.snapshot.job(job_id)
        return job if job is not None and not job.live else None

    job = await until(ended)
    assert job is not None
    assert job.outcome is not None
    return job.outcome


async def test_a_restless_watch_outlives_every_end_of_a_backup(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    disk.write_bytes(b"\x11" * 4 * MIB)
    drive = ("-drive", f"if=none,id=d0,format=raw,file={disk}")
    later = tmp_path / "later.sock"
    monitor = ("-qmp", f"unix:{later},server=on,wait=off")
    async with qemu(tmp_path / "vm", *drive, *monitor) as vm:
        async with VmWorker(UnixAddress(path=vm.monitor), pace=RESTLESS) as worker:
            for job_id, more in {"blockdeck-1": {}, "blockdeck-2": {"auto_dismiss": False}}.items():
                await worker.start(arguments(tmp_path, job_id, format="raw", **more))
                assert await outcome(worker, job_id) is Outcome.SUCCEEDED
            await worker.start(arguments(tmp_path, "blockdeck-3", speed=1))
            await worker.cancel("blockdeck-3")
            assert await outcome(worker, "blockdeck-3") is Outcome.CANCELLED
            await _watch_a_strangers(vm, worker, tmp_path)
            await worker.start(arguments(tmp_path, "blockdeck-4", speed=1))
        async with VmWorker(UnixAddress(path=later), pace=RESTLESS) as worker:
            adopted = worker.snapshot.job("blockdeck-4")
            assert adopted is not None
            assert adopted.live
            await worker.cancel("blockdeck-4")
            assert await outcome(worker, "blockdeck-4") is Outcome.CANCELLED
            await until_answered(lambda: _no_jobs(vm))
            await worker.refresh()


async def _watch_a_strangers(vm: Vm, worker: VmWorker, directory: Path) -> None:
    """A job of another client stays concluded for some looks, and is then dismissed."""
    stranger = arguments(directory, "theirs", format="raw", auto_dismiss=False)
    await vm.qmp("drive-backup", stranger)
    assert await outcome(worker, "theirs") is Outcome.SUCCEEDED
    for _ in range(3):
        await worker.refresh()
    await vm.qmp("job-dismiss", id="theirs")


async def _no_jobs(vm: Vm) -> bool:
    return not await vm.qmp("query-jobs")
