"""What a story is made of: captions, keys, and what must be so before it goes on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.tour.stage import Stage

Condition = Callable[["Stage"], bool | Awaitable[bool]]
"""What must be so; one that waits for the disk is asked without holding the screen up."""


@dataclass(frozen=True, slots=True)
class When:
    """Go on when something is so."""

    so: Condition


@dataclass(frozen=True, slots=True)
class Until:
    """Press a key again and again until something is so."""

    key: str
    so: Condition


@dataclass(frozen=True, slots=True)
class Typed:
    """Type a text."""

    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """Leave what is shown there to be read, for so many seconds of a speaker's."""

    seconds: float


Act = str | When | Until | Typed | Look
"""A key by its name, or one of the above."""


@dataclass(frozen=True, slots=True)
class Step:
    """A caption, what is done under it, and what must have come of it.

    Attributes:
        title: what it is about, in a few words.
        caption: what to say, two lines at most on a terminal of 80 columns.
        acts: keys, in their order.
        so: what must be so at the end.
        patience: seconds within which it is.
    """

    title: str
    caption: str
    acts: tuple[Act, ...]
    so: Condition
    patience: float = 30.0
