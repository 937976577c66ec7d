"""A backup that is looked after: what is wanted for it, and how fast it may be."""

import time
from dataclasses import dataclass, field

from tui.records.kept_care import Before, Keeper, KeptCare
from tui.vm.care import Wishes
from tui.vm.easy import Easy
from tui.vm.job import Job
from tui.vm.latency import Wait

_LOWER, _HIGHER = 0.8, 1.5
"""Beyond these parts of it a cap is set anew."""


@dataclass(slots=True)
class Charge:
    """A job in our care.

    Attributes:
        wishes: what is wanted.
        ceiling: the limit that its operator wants, in bytes a second; 0 is none.
        key: the job's; 0 until it has appeared.
        easy: steers it for the guest's sake, where that is wanted.
        cap: bytes a second that it is held under for want of room; None is not.
        told: the limits that QEMU may have, for all that is known, since it was steered.
        cancelled: whether it was cancelled for want of room.
        others: whether another BlockDeck that runs looks after it: then it is only watched.
        looked: when the guest's writes were last looked at for it, in monotonic seconds.
        kept: what is on the disk about it.
        kept_at: since when, in seconds since the epoch.
    """

    wishes: Wishes = field(default_factory=Wishes)
    ceiling: int = 0
    key: int = 0
    easy: Easy | None = None
    cap: int | None = None
    told: tuple[int, ...] = ()
    cancelled: bool = False
    others: bool = False
    looked: float = field(default_factory=time.monotonic)
    kept: KeptCare | None = None
    kept_at: float = 0.0

    def wish(self, wishes: Wishes) -> None:
        """This is wanted from now on, and nothing else."""
        self.wishes = wishes
        if wishes.easy is None:
            # Its speed is the operator's again.
            self.easy = None
        elif self.easy is None or self.easy.bound != wishes.easy:
            self.easy = Easy(wishes.easy, self.ceiling)

    def limit(self, ceiling: int) -> None:
        """The operator wants another limit; it is what the speed is steered under."""
        if self.told:
            # A look that is under way may still see the one before.
            self.told = (*self.told[-1:], self.ceiling)
        self.ceiling = ceiling
        if self.easy is not None:
            self.easy = Easy(self.easy.bound, ceiling)

    def heed(self, job: Job) -> None:
        """What QEMU has and was not told by us, another client told it: it is wanted."""
        if job.speed != self.ceiling and job.speed not in self.told:
            self.limit(job.speed)
            self.told = ()

    def hold(self, safe_speed: int | None) -> None:
        """Hold it under this, but set that anew only where it makes a difference."""
        cap = self.cap
        near = cap and safe_speed and _LOWER * cap <= safe_speed <= _HIGHER * cap
        if not near:
            self.cap = safe_speed

    @property
    def speed(self) -> int:
        """The limit that it is to have, in bytes a second; 0 is none."""
        limits = (self.ceiling, self.easy.speed if self.easy is not None else 0, self.cap or 0)
        return min((limit for limit in limits if limit), default=0)

    @property
    def held_back(self) -> bool:
        """Whether it is slower than its operator asked for."""
        return self.speed != self.ceiling

    def record(self, job: Job, writes: Wait, reads: Wait, keeper: Keeper | None) -> KeptCare:
        """What the next BlockDeck is to know of it, also of the guest's writes and reads before."""
        return KeptCare(
            job=job.id,
            device=job.device,
            target=job.target,
            length=job.len,
            copied=job.offset,
            ours=job.ours,
            keeper=keeper,
            asked=job.asked,
            ceiling=self.ceiling,
            told=self.told,
            wishes=self.wishes,
            writes=Before(wait=writes.before, rate=writes.rate_before),
            reads=Before(wait=reads.before, rate=reads.rate_before),
        )
