"""What is done for a backup while it runs: the opt-ins, and what they are about."""

from dataclasses import dataclass
from typing import NamedTuple

from tui.vm.bound import Bound
from tui.vm.space import Space


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator wants done for a job, for as long as any BlockDeck watches it.

    Attributes:
        cancel_before_full: cancel it before its target's file system is full.
        easy: keep it so slow that the guest's writes take no longer than this.
    """

    cancel_before_full: bool = False
    easy: Bound | None = None

    @property
    def words(self) -> str:
        """What is wanted, as the end of a sentence."""
        easy = f"its speed keeps the guest's writes under {self.easy}" if self.easy else ""
        guard = "it is cancelled before its target is full" if self.cancel_before_full else ""
        return " and ".join(words for words in (easy, guard) if words)

    def __bool__(self) -> bool:
        return self.cancel_before_full or self.easy is not None


class JobCare(NamedTuple):
    """What is seen and done now.

    Attributes:
        space: the room for its target, together with that for other jobs there; None is not seen.
        wishes: what is wanted.
        steering: what is done to its speed and why; empty where nothing is wanted.
        held_back: whether it is slower than its operator asked for.
        cap: bytes a second that it is held under, because it is to end before its target's file
            system is full; None is not.
        capped: whether it is that which holds it back, and not the guest.
    """

    space: Space | None = None
    wishes: Wishes = Wishes()
    steering: str = ""
    held_back: bool = False
    cap: int | None = None
    capped: bool = False

    @property
    def held_back_for(self) -> str:
        """Why it is slower than its operator asked for."""
        return "for want of room" if self.capped else "for the guest"
