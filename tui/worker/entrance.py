"""Lets few VMs at a time be connected to and looked at for the first time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

_PLACES = 8
_LONGEST = 1.0


class Entrance:
    """Takes turns, so that a hundred VMs that are opened at once do not keep one another waiting.

    Otherwise the deadline of a connection would pass while BlockDeck itself had others to attend
    to, and a VM that is well would be given up. One that hangs keeps its place for `longest`
    seconds, and then another comes in beside it.

    Args:
        places: how many there are.
        longest: for how many seconds one of them can be kept.
    """

    def __init__(self, places: int = _PLACES, longest: float = _LONGEST) -> None:
        self._places = asyncio.Semaphore(places)
        self._longest = longest

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place, and keep it until the end of the block, or for `longest` seconds."""
        await self._places.acquire()
        kept = True

        def give_up() -> None:
            nonlocal kept
            if kept:
                kept = False
                self._places.release()

        timer = asyncio.get_running_loop().call_later(self._longest, give_up)
        try:
            yield
        finally:
            timer.cancel()
            give_up()
