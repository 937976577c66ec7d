"""What is done for a backup while it runs, kept on disk for a BlockDeck that comes after us."""

import os
from pathlib import Path
from typing import Literal, Self

import psutil
from pydantic import BaseModel, ConfigDict

from tui.alive import is_alive
from tui.records.shelf import KeptOfJob, Shelf
from tui.vm.care import Wishes
from tui.vm.job import Job

CARE = "care"


class Keeper(BaseModel):
    """The BlockDeck that looks after a job: `created` tells it from a later process of that pid."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    pid: int
    created: float

    @classmethod
    def present(cls) -> Self:
        """This one."""
        return cls(pid=os.getpid(), created=psutil.Process().create_time())

    def alive(self) -> bool:
        """Whether it still runs."""
        return is_alive(self.pid, self.created)


class Before(BaseModel):
    """Requests of the guest in a time: how long one took, and bytes a second; None is not known."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    wait: float | None = None
    rate: float | None = None


class KeptCare(KeptOfJob):
    """How a backup is looked after.

    Attributes:
        device: the disk; with `target` and `length` (bytes) it tells the job from a later one.
        copied: bytes that were copied at that time.
        ours: whether BlockDeck started it.
        keeper: who looks after it; None is nobody, who did has left it in order.
        asked: the limit that its operator set by BlockDeck, in bytes a second; None is none.
        ceiling: the limit that its operator wants, whoever set it; 0 is none.
        told: the limits that QEMU may have been told since, in bytes a second; empty is none.
        wishes: what its operator wants done.
        writes: of the guest to the disk, before the backup.
        reads: likewise.
    """

    version: Literal[1] = 1
    device: str
    target: str
    length: int
    copied: int
    ours: bool
    keeper: Keeper | None
    asked: int | None
    ceiling: int
    told: tuple[int, ...]
    wishes: Wishes
    writes: Before
    reads: Before

    def is_of(self, job: Job) -> bool:
        """Whether it is of this job, and not of one before it with the same id."""
        if (self.ours, self.length) != (job.ours, job.len) or self.copied > job.offset:
            return False
        # Our ids are used once, and QEMU may spell the target otherwise than it was asked for.
        return self.ours or (self.device, self.target) == (job.device, job.target)


class CareStore(Shelf[KeptCare]):
    """How the backups that run are looked after."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, KeptCare)
