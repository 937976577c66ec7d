"""What goes wrong with backups, made to happen to the demo VM, and to nothing else."""

import asyncio
import errno
import os
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tui.demo.broken_bitmap import BITMAP, make_scratch_crashed
from tui.demo.errors import DemoError
from tui.demo.vm import DemoInfo
from tui.qmp.address import UnixAddress
from tui.qmp.errors import QmpError
from tui.qmp.models import BlockJobInfo, QmpEvent, each
from tui.qmp.session import QmpSession

STALL_SECONDS = 25.0
"""How long QEMU stands still: BlockDeck has asked, waited, and said so, and that is looked at."""

COMMAND_SECONDS = 5.0
"""Longest wait for the reply to one command."""

BALLAST = "ballast"
"""The file that takes the room on the target's file system."""

_STEP = 1 << 20
_PAGE = 4 << 10


class FaultLab:
    """Breaks things about one demo VM, each as it is broken in life.

    Args:
        info: of a demo VM that runs.

    Attributes:
        full: whether the target has no more room, by `fill_target`.
    """

    def __init__(self, info: DemoInfo) -> None:
        self.info = info
        self.full = False

    async def fill_target(self) -> str:
        """Let the target run out of space; a second call makes room again. Tells what was done.

        With a file system of the demo's own a file takes what is left of it, and QEMU gets ENOSPC.
        Without, the host's would have to be filled: instead no file of this QEMU, its guest's disks
        neither, may be written beyond the size of its newest target (`RLIMIT_FSIZE`): EFBIG.

        Raises:
            DemoError: the room cannot be taken.
        """
        try:
            return await asyncio.to_thread(self._fill if not self.full else self._make_room)
        except (OSError, ValueError) as error:
            raise DemoError(f"the target's room cannot be changed: {error}") from error

    def _fill(self) -> str:
        if self.info.own_filesystem:
            _take_all_room(self.info.backups / BALLAST)
            words = f"A file {BALLAST} takes all room that was left on the demo's file system."
        else:
            limit = max(_size_of_newest(self.info.backups), _STEP)
            resource.prlimit(self.info.pid, resource.RLIMIT_FSIZE, (limit, _most(self.info.pid)))
            words = (
                f"No file of the demo's QEMU may be written beyond {limit >> 20} MiB any more, "
                "its guest's disks neither."
            )
        self.full = True
        return f"{words} The same entry makes room again."

    def _make_room(self) -> str:
        if self.info.own_filesystem:
            (self.info.backups / BALLAST).unlink(missing_ok=True)
        else:
            most = _most(self.info.pid)
            resource.prlimit(self.info.pid, resource.RLIMIT_FSIZE, (most, most))
        self.full = False
        return "There is room on the target again."

    def kill(self) -> str:
        """Kill QEMU as the kernel does when memory runs out (SIGKILL). The demo ends with it.

        Raises:
            DemoError: it does not run any more.
        """
        self._signal(signal.SIGKILL)
        return "QEMU was killed. The demo is over; its disks and its backups go with it."

    async def stall(self, seconds: float = STALL_SECONDS) -> str:
        """Let QEMU stand still (SIGSTOP) and go on, also where this is cancelled.

        Raises:
            DemoError: it does not run any more.
        """
        self._signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._signal(signal.SIGCONT)
        return f"QEMU goes on after {seconds:g} seconds in which it stood still."

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.kill(self.info.pid, number)
        except ProcessLookupError as error:
            raise DemoError("the demo's QEMU does not run any more") from error

    async def cancel_elsewhere(self) -> str:
        """Cancel the first block job over the second monitor (`block-job-cancel`).

        Raises:
            DemoError: there is none, or QEMU does not do it.
        """
        async with self._beside() as session:
            jobs = each(
                BlockJobInfo, await session.execute("query-block-jobs", timeout=COMMAND_SECONDS)
            )
            if not jobs:
                raise DemoError("no backup runs that could be cancelled; start one first")
            job = jobs[0].device
            # As drastic as another tool's cancel is: a job that waits for a target is let go, too.
            cancel = {"device": job, "force": True}
            await session.execute("block-job-cancel", cancel, timeout=COMMAND_SECONDS)
        return f"Another client has cancelled {job} over {self.info.second_monitor.name}."

    async def break_bitmap(self) -> str:
        """Plug the disk `scratch` in anew with a bitmap as a crash of QEMU leaves it behind.

        Raises:
            DemoError: it cannot be done, for example while a backup of that disk runs.
        """
        async with self._beside() as session:
            await make_scratch_crashed(session, Path(self.info.directory))
        return f"The bitmap {BITMAP} of scratch is inconsistent now, as after a crash."

    @asynccontextmanager
    async def _beside(self) -> AsyncIterator[QmpSession]:
        address = UnixAddress(path=self.info.second_monitor)
        try:
            session = await QmpSession.connect(address, on_event=_ignore, timeout=COMMAND_SECONDS)
            async with session:
                yield session
        except QmpError as error:
            raise DemoError(f"over {self.info.second_monitor.name}: {error}") from error


def _size_of_newest(directory: Path) -> int:
    """Of the file that was written last: the target of a backup, while one runs."""
    files = [path.stat() for path in directory.rglob("*") if path.is_file()]
    newest = max(files, key=lambda file: file.st_mtime_ns, default=None)
    return newest.st_size if newest is not None else 0


def _take_all_room(ballast: Path) -> None:
    """Let a file grow until nothing is left, whoever else takes of it meanwhile."""
    with ballast.open("wb") as file:
        size, step = 0, 64 * _STEP
        while step >= _PAGE:
            try:
                os.posix_fallocate(file.fileno(), size, step)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                step //= 2
            else:
                size += step


def _most(pid: int) -> int:
    return resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]


def _ignore(event: QmpEvent) -> None:
    """What happens to the VM is for the screens to tell."""
