"""Waits in tests: for a condition, never for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds after which a condition counts as never met, on a machine with other work to do."""

_LOOK_EVERY = 0.02


async def until(look: Callable[[], T], within: float = PATIENCE) -> T:
    """The first true answer of `look`, asked again and again."""

    async def answer() -> T:
        return look()

    return await until_answered(answer, within)


async def until_answered(ask: Callable[[], Awaitable[T]], within: float = PATIENCE) -> T:
    """The first true answer of `ask`, where asking takes waiting itself."""
    deadline = time.monotonic() + within
    while not (answer := await ask()):
        assert time.monotonic() < deadline, f"{ask} was not true within {within} s, but {answer!r}"
        await asyncio.sleep(_LOOK_EVERY)
    return answer


def until_now(look: Callable[[], T], within: float = PATIENCE) -> T:
    """The first true answer of `look`, for a test without an event loop."""
    deadline = time.monotonic() + within
    while not (answer := look()):
        assert time.monotonic() < deadline, f"{look} was not true within {within} s, but {answer!r}"
        time.sleep(_LOOK_EVERY)
    return answer
