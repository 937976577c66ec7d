"""The images of fleeces as long as they have a name, which is on record before they are made."""

import asyncio
import contextlib
import logging
import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tui.qmp.aside import aside
from tui.qmp.errors import QmpError
from tui.records.kept_care import Keeper
from tui.records.kept_fleece import FleeceStore, KeptFleece
from tui.worker.behind import has_ended
from tui.worker.disk import Disk

if TYPE_CHECKING:
    from tui.backup.plan import Plan
    from tui.vm.leftover_files import LeftFile

log = logging.getLogger(__name__)


class NotDeleted(QmpError):
    """A file that QEMU alone should have cannot be deleted; the words tell which and why."""


class Fleeces:
    """Deletes the images of fleeces: in good time, or later what was left then.

    Args:
        disk: where they are on record.
        patience: seconds to wait for the disk that one is on.
    """

    def __init__(self, disk: Disk[FleeceStore], patience: float) -> None:
        self._disk = disk
        self._patience = patience
        self._left: tuple[LeftFile, ...] = ()

    @property
    def left(self) -> "tuple[LeftFile, ...]":
        """Those that nobody is about to delete, as far as is known."""
        return self._left

    async def announce(self, plan: "Plan") -> None:
        """They are about to be made."""
        for path in plan.passing.values():
            await self._disk.ask(partial(_keep, plan.creator, path, keeper=Keeper.present()))

    async def delete(self, plan: "Plan", path: str) -> None:
        """Take the name off one that QEMU has open, or that is of no use.

        Raises:
            NotDeleted: it is there, and cannot be.
        """
        await self.unlink(path)
        await self._disk.ask(lambda store, qemu: store.drop(qemu, plan.creator))

    async def abandon(self, plan: "Plan") -> None:
        """It came to nothing, and QEMU cannot be asked: what it makes yet is left to `sweep`."""
        for path in plan.passing.values():
            await self._disk.ask(partial(_keep, plan.creator, path, keeper=None))
            try:
                await self.unlink(path)
            except NotDeleted as error:
                log.info("a fleece stays behind: %s", error)

    async def unlink(self, path: str) -> None:
        """Delete a file.

        Raises:
            NotDeleted: it is there, and cannot be.
        """
        try:
            async with asyncio.timeout(self._patience):
                await aside(lambda: Path(path).unlink(missing_ok=True), "delete a fleece")
        except TimeoutError as error:
            raise NotDeleted(f"{path} is not deleted: its disk does not answer") from error
        except OSError as error:
            raise NotDeleted(f"{path} cannot be deleted: {error.strerror}") from error

    async def look(self) -> None:
        """Find out what is left."""
        self._left = await self._disk.ask(_left) or ()

    async def sweep(self, used: frozenset[str]) -> None:
        """Delete what is left and empty, and forget what has no name any more.

        Args:
            used: jobs and nodes of QEMU's; what they make or have open is not touched.
        """
        await self.look()
        for one in self._left:
            if not one.empty or not used.isdisjoint(one.users):
                continue
            try:
                await self.unlink(one.path)
            except NotDeleted as error:
                log.info("a fleece stays behind: %s", error)
        await self._disk.ask(partial(_forget, used))
        await self.look()


def _keep(creator: str, path: str, store: FleeceStore, qemu: str, *, keeper: Keeper | None) -> None:
    store.keep(qemu, KeptFleece(job=creator, qemu=qemu, path=path, keeper=keeper))


def _abandoned(store: FleeceStore, qemu: str) -> Iterator[KeptFleece]:
    """Those that nobody is about to delete, of this QEMU or one that has ended."""
    for kept in store.all():
        cared_for = kept.keeper is not None and kept.keeper.alive()
        if not cared_for and (kept.qemu == qemu or has_ended(kept.qemu)):
            yield kept


def _left(store: FleeceStore, qemu: str) -> "tuple[LeftFile, ...]":
    from tui.vm.leftover_files import LeftFile

    found = []
    for kept in _abandoned(store, qemu):
        with contextlib.suppress(FileNotFoundError):
            seen = Path(kept.path).lstat()
            empty = stat.S_ISREG(seen.st_mode) and seen.st_size == 0
            found.append(LeftFile(kept.path, kept.job, empty=empty))
    return tuple(found)


def _forget(used: frozenset[str], store: FleeceStore, qemu: str) -> None:
    """Drop the records of what has no name, and which nobody makes any more."""
    from tui.vm.leftover_files import users_of

    for kept in _abandoned(store, qemu):
        if used.isdisjoint(users_of(kept.job)) and not os.path.lexists(kept.path):
            store.drop(kept.qemu, kept.job)
