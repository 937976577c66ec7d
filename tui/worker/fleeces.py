"""The images of fleeces as long as they have a name, which is on record before they are made."""

import asyncio
import logging
import stat
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
    """Deletes the images of fleeces: in good time, or what a killed BlockDeck left.

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
        """Those that a BlockDeck which runs no more has left, as far as is known."""
        return self._left

    async def announce(self, plan: "Plan") -> None:
        """They are about to be made."""
        for path in plan.passing.values():
            await self._disk.ask(partial(_keep, plan.creator, path))

    async def delete(self, plan: "Plan", path: str) -> None:
        """Take the name off one that QEMU has open, or that is of no use.

        Raises:
            NotDeleted: it is there, and cannot be.
        """
        await self.unlink(path)
        await self._disk.ask(lambda store, qemu: store.drop(qemu, plan.creator))

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
        """Delete what is left and empty.

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
        await self.look()


def _keep(creator: str, path: str, store: FleeceStore, qemu: str) -> None:
    store.keep(qemu, KeptFleece(job=creator, qemu=qemu, path=path, keeper=Keeper.present()))


def _left(store: FleeceStore, qemu: str) -> "tuple[LeftFile, ...]":
    """Those on record whose BlockDeck has ended, of this QEMU or one that has ended as well.

    One that has no name any more is forgotten.
    """
    from tui.vm.leftover_files import LeftFile

    found = []
    for kept in store.all():
        if kept.keeper.alive() or not (kept.qemu == qemu or has_ended(kept.qemu)):
            continue
        try:
            seen = Path(kept.path).lstat()
        except FileNotFoundError:
            store.drop(kept.qemu, kept.job)
            continue
        empty = stat.S_ISREG(seen.st_mode) and seen.st_size == 0
        found.append(LeftFile(kept.path, kept.job, empty=empty))
    return tuple(found)
