"""The immutable picture of one block job, while it runs and after it has ended.

Times are seconds of the worker's monotonic clock, sizes are bytes, rates bytes a second.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tui.vm.care import JobCare

OUR_JOB_PREFIX = "blockdeck-"
"""Ids of jobs that BlockDeck starts begin with this, so that a later BlockDeck knows its own."""


class Outcome(StrEnum):
    """How a job ended; `LOST` is a job that vanished while nobody could see why."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Job:
    """A block job, ours or another client's, running or ended.

    `key` tells jobs apart that used the same id one after the other. `target_open`
    tells that the target is still to be closed when the job is over, without which not all of it
    need be on the disk; `target_nodes` are the nodes to be removed for that.
    `status` is QEMU's `JobStatus`; `paused` a real pause, not a short drain. `speed` is the limit
    that QEMU has, `asked` the one it was last told by us, where it was. `rates` is how fast it was
    while it was watched, in bytes a second, the newest last, `rated` in how many seconds, and
    `pace` how fast between the last two looks. `command` is the
    command that started it, where it was ours. `wall_started` is seconds since the epoch, `moved`
    when it last came forward, or had no need to, in monotonic seconds. `care` is
    what is seen of the room for it, and what is done for it while it runs. `heard` is false of one
    that ran when it was last seen, while its QEMU does not answer or cannot be reached.
    """

    id: str
    type: str
    key: int = 0
    status: str = "undefined"
    ours: bool = False
    device_key: str | None = None
    device: str = ""
    target: str = ""
    offset: int = 0
    len: int = 0
    speed: int = 0
    asked: int | None = None
    auto_finalize: bool = True
    auto_dismiss: bool = True
    io_status: str = "ok"
    paused: bool = False
    error: str | None = None
    rate: float | None = None
    rates: tuple[float, ...] = field(default=(), compare=False)
    rated: float = field(default=0.0, compare=False)
    pace: float | None = field(default=None, compare=False)
    eta: float | None = None
    started: float | None = None
    moved: float | None = field(default=None, compare=False)
    ended: float | None = None
    wall_started: float | None = None
    outcome: Outcome | None = None
    detail: str = ""
    command: Mapping[str, object] | None = field(default=None, compare=False)
    target_open: bool = False
    target_nodes: tuple[str, ...] = ()
    care: JobCare = field(default=JobCare(), compare=False)
    heard: bool = field(default=True, compare=False)

    @property
    def live(self) -> bool:
        """Whether QEMU may still be working on it."""
        return self.outcome is None

    @property
    def state(self) -> str:
        """One word for the screen: the outcome, else the status with drains left out."""
        if self.outcome is not None:
            return self.outcome.value
        if self.status == "paused" and not self.paused:
            return "running"
        if self.status == "running" and self.paused:
            # It halts at its next step, which a low speed puts off.
            return "pausing"
        return self.status

    @property
    def fraction(self) -> float | None:
        """Progress from 0 to 1; None while the length is not known."""
        if self.outcome is Outcome.SUCCEEDED:
            return 1.0
        return min(self.offset / self.len, 1.0) if self.len > 0 else None
