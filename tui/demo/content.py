"""Puts content on the disks of a demo VM that has just started, through its own monitor."""

from collections.abc import Iterator
from pathlib import Path

from tui.demo.disks import (
    ARCHIVE,
    DATA,
    DATABASE,
    LOGS,
    ROOT,
    SCRATCH,
    SLOW_DATA,
    Disk,
    GiB,
    MiB,
)
from tui.demo.errors import DemoError
from tui.demo.guest import GuestDisk, query_write_counts
from tui.qmp.errors import CommandRefused
from tui.qmp.session import QmpSession

_PIECE = 16 * MiB
_SECONDS = 20.0


async def fill(session: QmpSession, directory: Path) -> None:
    """Write what the disks hold at first, and make the backing chain and the dirty bitmaps.

    Raises:
        DemoError: something could not be written.
        QmpError: QEMU does not answer.
    """
    try:
        await _fill_chain(session, directory)
        await _fill_database(session)
    except CommandRefused as error:
        raise DemoError(f"QEMU refused to prepare the demo's disks: {error}") from error
    for disk, offset, length in (
        (DATA, 0, 24 * MiB),
        (LOGS, 0, 16 * MiB),
        (ARCHIVE, 0, SLOW_DATA),
        (SCRATCH, GiB, 1 * MiB),
    ):
        await _write(session, disk, offset, length)
    await _settle(session)


async def _fill_chain(session: QmpSession, directory: Path) -> None:
    await _write(session, ROOT, 0, 24 * MiB)
    for overlay, length in (("patched.qcow2", 8 * MiB), ("root.qcow2", 4 * MiB)):
        await GuestDisk(session, ROOT).flush()
        await session.execute(
            "blockdev-snapshot-sync",
            {"device": "root", "snapshot-file": str(directory / overlay), "format": "qcow2"},
        )
        await _write(session, ROOT, 16 * MiB, length)


async def _fill_database(session: QmpSession) -> None:
    await _write(session, DATABASE, 0, 32 * MiB)
    disk = GuestDisk(session, DATABASE)
    await disk.flush()
    for name, granularity in (("nightly", 64 << 10), ("weekly", MiB)):
        bitmap = {"node": "database-disk", "name": name}
        await session.execute(
            "block-dirty-bitmap-add", {**bitmap, "granularity": granularity, "persistent": True}
        )
    await _write(session, DATABASE, 4 * MiB, 3 * MiB)
    await disk.flush()
    await session.execute("block-dirty-bitmap-disable", {"node": "database-disk", "name": "weekly"})
    await _write(session, DATABASE, 12 * MiB, 1 * MiB)


async def _write(session: QmpSession, disk: Disk, offset: int, length: int) -> None:
    for place, size in _pieces(offset, length):
        await GuestDisk(session, disk).write(place, size, 1 + (place // MiB) % 250)


def _pieces(offset: int, length: int) -> Iterator[tuple[int, int]]:
    for place in range(offset, offset + length, _PIECE):
        yield place, min(_PIECE, offset + length - place)


async def _settle(session: QmpSession) -> None:
    await GuestDisk(session, ROOT).flush(_SECONDS)
    counts = await query_write_counts(session)
    failed = [name for name, count in counts.items() if count.failed]
    if failed:
        raise DemoError(f"writing to the demo's {failed[0]} disk failed; is the file system full?")
