"""What is kept of one VM, on a disk that may fail or hang."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from tui.qmp.aside import aside

log = logging.getLogger(__name__)


class Store(Protocol):
    """What is kept in a directory."""

    directory: Path


S = TypeVar("S", bound=Store)
T = TypeVar("T")


class Disk(Generic[S]):
    """Asks a store, one thing after the other: what was written last is what stays.

    A disk that fails or hangs keeps nothing from being done: then less is known later.

    Args:
        store: None keeps nothing.
        identity: which QEMU it is, so that another one's jobs are not taken for its own.
        patience: seconds to wait at a time.
    """

    def __init__(self, store: S | None, identity: Callable[[], str], patience: float) -> None:
        self._store = store
        self._identity = identity
        self._patience = patience
        self._under_way: asyncio.Future[Any] | None = None

    @property
    def present(self) -> bool:
        """Whether anything is kept at all."""
        return self._store is not None

    async def ask(self, work: Callable[[S, str], T]) -> T | None:
        """Do something with the store and the name of the QEMU; None where it comes to nothing."""
        store = self._store
        if store is None:
            return None
        qemu = self._identity()
        try:
            async with asyncio.timeout(self._patience):
                # A dead disk holds a thread for ever: one is enough.
                while self._under_way is not None and not self._under_way.done():
                    await asyncio.wait({self._under_way})
                future = aside(lambda: work(store, qemu), "what is kept of jobs")
                self._under_way = future
                return await asyncio.shield(future)
        except TimeoutError:
            log.warning("what is kept in %s: no answer from the disk", store.directory)
        except OSError as error:
            log.warning("what is kept in %s: %s", store.directory, error)
        return None
