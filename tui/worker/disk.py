"""What is kept of the jobs of one VM, on a disk that may fail or hang."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from tui.qmp.aside import aside
from tui.records.shelf import Shelf

log = logging.getLogger(__name__)

S = TypeVar("S", bound=Shelf[Any])
T = TypeVar("T")


class Disk(Generic[S]):
    """Asks a shelf, one thing after the other: what was written last is what stays.

    A disk that fails or hangs keeps nothing from being done: then less is known later.

    Args:
        shelf: None keeps nothing.
        identity: which QEMU it is, so that another one's jobs are not taken for its own.
        patience: seconds to wait at a time.
    """

    def __init__(self, shelf: S | None, identity: Callable[[], str], patience: float) -> None:
        self._shelf = shelf
        self._identity = identity
        self._patience = patience
        self._under_way: asyncio.Future[Any] | None = None

    @property
    def present(self) -> bool:
        """Whether anything is kept at all."""
        return self._shelf is not None

    async def ask(self, work: Callable[[S, str], T]) -> T | None:
        """Do something with the shelf and the name of the QEMU; None where it comes to nothing."""
        shelf = self._shelf
        if shelf is None:
            return None
        qemu = self._identity()
        try:
            async with asyncio.timeout(self._patience):
                # A dead disk holds a thread for ever: one is enough.
                while self._under_way is not None and not self._under_way.done():
                    await asyncio.wait({self._under_way})
                future = aside(lambda: work(shelf, qemu), "what is kept of jobs")
                self._under_way = future
                return await asyncio.shield(future)
        except TimeoutError:
            log.warning("what is kept in %s: no answer from the disk", shelf.directory)
        except OSError as error:
            log.warning("what is kept in %s: %s", shelf.directory, error)
        return None
