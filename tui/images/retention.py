"""Which points are kept: rules over the times of points, and nothing else."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0, le=100_000)]


class Rules(BaseModel):
    """How many are kept: the last ones, and the last of each of so many days, weeks, months.

    Days without a point do not count, so a VM that was off for a month keeps what it had. Weeks
    are those of ISO 8601: they begin on Monday. A point is kept if any rule keeps it.
    """

    model_config = ConfigDict(frozen=True)

    last: Count = 0
    daily: Count = 0
    weekly: Count = 0
    monthly: Count = 0

    @property
    def empty(self) -> bool:
        """Whether they would keep nothing."""
        return not (self.last or self.daily or self.weekly or self.monthly)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point, by whatever names it, and its time."""

    key: Hashable
    when: datetime


def choose(
    moments: Sequence[Moment], rules: Rules, zone: tzinfo | None = None
) -> dict[Hashable, tuple[str, ...]]:
    """What is kept, and why.

    What comes later in the order is newer, whatever a clock that was set back may have said.

    Args:
        moments: all there are, the oldest first.
        rules: how many are kept.
        zone: in which days begin and end; None is that of this host.

    Returns:
        The reasons by key, of the kept alone; none is empty.
    """
    buckets: tuple[tuple[str, int, Callable[[datetime], Hashable]], ...] = (
        ("daily", rules.daily, lambda day: day.date()),
        ("weekly", rules.weekly, lambda day: day.isocalendar()[:2]),
        ("monthly", rules.monthly, lambda day: (day.year, day.month)),
    )
    reasons: dict[Hashable, list[str]] = {}
    newest = list(reversed(moments))
    for moment in newest[: rules.last]:
        reasons.setdefault(moment.key, []).append("last")
    for name, count, bucket_of in buckets:
        seen: set[Hashable] = set()
        for moment in newest:
            if len(seen) >= count:
                break
            bucket = bucket_of(moment.when.astimezone(zone))
            if bucket not in seen:
                seen.add(bucket)
                reasons.setdefault(moment.key, []).append(name)
    return {key: tuple(words) for key, words in reasons.items()}
