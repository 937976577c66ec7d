"""Something in a QEMU that nobody uses: what it is, and how it would be cleaned up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What is left over."""

    JOB = "concluded job"
    PENDING = "pending job"
    NODE = "node"
    FILTER = "filter"
    BITMAP = "bitmap"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Remedy:
    """The command that cleans a leftover up; `does` tells what it does, as a sentence."""

    command: str
    arguments: Mapping[str, str] = field(compare=False)
    does: str = ""


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that nobody uses.

    Attributes:
        kind: what it is.
        name: the job's id, the node's name, or the bitmap's name ("" where it has none).
        what: what it is, in words.
        why: why it is judged a leftover.
        ours: whether a BlockDeck made it.
        remedy: how it is cleaned up; None where it cannot or should not be.
        reason: why there is no remedy.
        lost: what is lost with it.
        node: the node that a bitmap is on.
        after: names of the leftovers that have to go first.
        alone: whether it takes a decision of its own, and is not cleaned up along with others.
        fresh: whether it was found only just now: a client may be about to use it.
        mark: tells it from another thing that has come to have its name; "" is not known.
    """

    kind: Kind
    name: str
    what: str
    why: str
    ours: bool = False
    remedy: Remedy | None = None
    reason: str = ""
    lost: str = ""
    node: str = ""
    after: tuple[str, ...] = ()
    alone: bool = False
    fresh: bool = False
    mark: str = ""

    @property
    def key(self) -> str:
        """Names it among all leftovers of a VM."""
        return f"{self.kind.name}/{self.node}/{self.name}"

    def is_still(self, before: "Leftover") -> bool:
        """Whether it is the same thing as before, as far as can be told."""
        return "" in (self.mark, before.mark) or self.mark == before.mark

    @property
    def title(self) -> str:
        """What to call it."""
        name = self.name or "(without a name)"
        return f"{name} on {self.node}" if self.node else name

    @property
    def owner(self) -> str:
        """Who made it."""
        if self.kind is Kind.BITMAP and not self.name:
            return "QEMU"
        return "BlockDeck" if self.ours else "another client"

    @property
    def foreign(self) -> bool:
        """Whether another client made it, and may count on it."""
        return self.owner == "another client"

    @property
    def hindrance(self) -> str | None:
        """Why it cannot be cleaned up now; None where it can."""
        if self.remedy is None:
            return self.reason
        return f"{', '.join(self.after)} has to go first" if self.after else None
