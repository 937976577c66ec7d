"""Jobs that are over, or wait for a word, while nobody seems to care."""

from collections.abc import Iterator

from tui.qmp.models import JobInfo
from tui.units import duration
from tui.vm.job import OUR_JOB_PREFIX, Job
from tui.vm.leftover import Kind, Leftover, Remedy
from tui.vm.snapshot import VmSnapshot
from tui.vm.target_nodes import CREATOR, TARGET_PREFIX

"""How the ids begin of the jobs that make a target's image; what follows is its node."""

_OURS = (OUR_JOB_PREFIX, f"{CREATOR}{TARGET_PREFIX}")
_SETTLING = 5.0
"""Seconds within which BlockDeck itself dismisses a job of its own that is over."""

_TURNING = {
    "mirror": "the guest may go over to the copy",
    "commit": "the guest's disk goes over to another image",
    "stream": "the guest's disk changes its backing file",
}


def leftover_jobs(vm: VmSnapshot, in_use: frozenset[str]) -> Iterator[Leftover]:
    """The concluded and the pending ones, in QEMU's order; not those that make what is in use."""
    for info in vm.job_infos:
        job = vm.job(info.id)
        if info.id.removeprefix(CREATOR) in in_use or (job is not None and is_settling(vm, job)):
            continue
        ours = info.id.startswith(_OURS) or (job is not None and job.ours)
        if info.status == "concluded":
            yield _concluded(vm, info, job, ours)
        elif info.status == "pending" and job is not None and not job.auto_finalize:
            yield _pending(vm, info, job)


def is_settling(vm: VmSnapshot, job: Job) -> bool:
    """Whether BlockDeck itself closes a job's target and dismisses it, its outcome once on record.

    Without an outcome the job waits for its target to be closed.
    """
    if vm.read_only or not job.ours or job.status == "pending":
        return False
    return job.ended is None or vm.taken - job.ended < _SETTLING


def _concluded(vm: VmSnapshot, info: JobInfo, job: Job | None, ours: bool) -> Leftover:
    ended = info.error or (f"{job.outcome}" if job is not None and job.outcome else "without error")
    age = ""
    if job is not None and job.ended is not None:
        age = f" It has been so for {duration(max(0.0, vm.taken - job.ended))} at least."
    why = f"It is over, its id is taken, and nobody has dismissed it.{age}"
    if vm.traps.listing_nodes_kills and info.type == "backup":
        why += " This QEMU dies when its nodes are listed meanwhile: bitmaps wait until it is gone."
    lost = "How it ended, which QEMU then no longer tells. What it made stays."
    if ours:
        lost += " The history has it only if BlockDeck could write it down."
    return Leftover(
        kind=Kind.JOB,
        name=info.id,
        what=f"A {info.type} job that has ended: {ended}.",
        why=why,
        ours=ours,
        remedy=Remedy("job-dismiss", {"id": info.id}, "QEMU forgets the job."),
        lost=lost,
        mark=_mark(info, job),
    )


def _pending(vm: VmSnapshot, info: JobInfo, job: Job) -> Leftover:
    remedy, reason, lost = None, "", ""
    if info.type == "backup":
        does = "The backup ends as it is, and so does every job grouped with it."
        remedy = Remedy("job-finalize", {"id": info.id}, does)
        lost = (
            "Nothing of the backup. It can be cancelled no more, and a bitmap it was made by is "
            "brought up to date."
        )
    else:
        turn = _TURNING.get(info.type, "what it did takes effect")
        reason = (
            f"finalizing it is no cleaning up: {turn}. Finalize or cancel it on the Jobs screen, "
            "as its owner would"
        )
    held = " Until then its filter makes each guest write copy the old data first."
    return Leftover(
        kind=Kind.PENDING,
        name=info.id,
        what=f"A {info.type} job that has done its work and waits to be finalized.",
        why=f"It was started with auto-finalize off, and nobody has finalized it.{held}",
        ours=job.ours,
        remedy=remedy,
        reason=reason,
        lost=lost,
        alone=True,
        mark=_mark(info, job),
    )


def _mark(info: JobInfo, job: Job | None) -> str:
    """An id can be used again; the key cannot."""
    return f"{info.type} {job.key if job is not None else ''}"
