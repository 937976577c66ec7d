"""What is found wrong with a backup: what, where, how bad, and what to do."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Gravity(StrEnum):
    """How bad a finding is; the first two mean that a point cannot be restored as it was."""

    LOST = "lost"
    DAMAGED = "damaged"
    DOUBT = "doubt"
    NOTE = "note"

    @property
    def grave(self) -> bool:
        """Whether what it is about can no more be restored as it was."""
        return self in (Gravity.LOST, Gravity.DAMAGED)


class Finding(BaseModel):
    """One of them.

    `where` is a file, `points` are the serials of the points that need it: it is bad for all of
    them. `advice` may be empty.
    """

    model_config = ConfigDict(frozen=True)

    gravity: Gravity
    where: str
    what: str
    advice: str = ""
    points: tuple[int, ...] = ()
