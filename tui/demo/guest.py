"""Writes to disks the way a guest does: through the block backend of a device, counted as its I/O.

It stands on the human monitor's `qemu-io` with `aio_write`, which returns at once. Plain `write`
would hold up all of QEMU until it is done, and would not be counted in `query-blockstats`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field

from tui.demo.disks import Disk
from tui.demo.errors import DemoError
from tui.qmp.models import BlockDeviceStats, BlockStats, each
from tui.qmp.session import QmpSession

COMMAND_SECONDS = 5.0
"""Longest wait for the reply to one command."""


class _Counters(BlockDeviceStats):
    failed_wr_operations: int = Field(default=0, alias="failed_wr_operations")


class _Stats(BlockStats):
    stats: _Counters = _Counters()


@dataclass(frozen=True, slots=True)
class WriteCount:
    """Guest writes of one disk that have ended since the VM started."""

    done: int = 0
    failed: int = 0

    @property
    def ended(self) -> int:
        """Ended in either way."""
        return self.done + self.failed


async def query_write_counts(session: QmpSession) -> Mapping[str, WriteCount]:
    """The writes of each disk, by `Disk.backend` (`query-blockstats`).

    Raises:
        QmpError: QEMU does not answer.
    """
    reply = await session.execute("query-blockstats", timeout=COMMAND_SECONDS)
    return {
        entry.device or entry.qdev or "": WriteCount(
            entry.stats.wr_operations, entry.stats.failed_wr_operations
        )
        for entry in each(_Stats, reply)
    }


@dataclass(frozen=True, slots=True)
class GuestDisk:
    """One disk as the guest has it."""

    session: QmpSession
    disk: Disk

    async def write(self, offset: int, length: int, byte: int) -> None:
        """Have `length` bytes written; returns before they are, `query_write_counts` tells.

        Raises:
            DemoError: the disk cannot be written to.
            QmpError: QEMU does not answer.
        """
        await self._qemu_io(f"aio_write -q -P {byte} {offset} {length}", COMMAND_SECONDS)

    async def flush(self, seconds: float = COMMAND_SECONDS) -> None:
        """Wait until all writes of the VM have ended; QEMU does nothing else meanwhile.

        Raises:
            DemoError: there is no such disk.
            QmpError: QEMU does not answer.
        """
        await self._qemu_io("aio_flush", seconds)

    async def _qemu_io(self, command: str, seconds: float) -> None:
        backend = self.disk.backend
        selector = f"-d {backend}" if backend.startswith("/") else backend
        said = await self.session.execute(
            "human-monitor-command",
            {"command-line": f'qemu-io {selector} "{command}"'},
            timeout=seconds,
        )
        if said:
            raise DemoError(f"the disk {self.disk.name!r} cannot be written to: {said}".strip())
