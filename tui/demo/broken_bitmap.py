"""Makes a dirty bitmap inconsistent, as a qcow2 has it whose QEMU died: in use, and never saved."""

import asyncio
import struct
from pathlib import Path

from tui.demo.disks import SCRATCH
from tui.demo.errors import DemoError
from tui.qmp.errors import CommandRefused
from tui.qmp.models import BlockDeviceInfo, BlockInfo, each
from tui.qmp.session import QmpSession

BITMAP = "interrupted"

_SECONDS = 5.0
_LOOK_SECONDS = 0.05
_LOOKS = 100
_MAGIC = b"QFI\xfb"
_LONG_HEADER = 104
_BITMAPS_EXTENSION = 0x23852875  # qcow2.txt, header extension types
_IN_USE = 1  # qcow2.txt, flags of a bitmap directory entry


async def make_scratch_crashed(session: QmpSession, directory: Path) -> None:
    """Give the disk `scratch` a persistent bitmap, unplug it, break the bitmap, plug it in again.

    Raises:
        DemoError: the disk is in use by a job, is not as the demo made it, or cannot be plugged in.
        QmpError: QEMU refuses a step, or gives no answer.
    """
    assert SCRATCH.file is not None
    path = directory / SCRATCH.file
    frontend = SCRATCH.device.partition("id=")[2].partition(",")[0]
    jobs = await session.execute("query-block-jobs", timeout=_SECONDS)
    if jobs:
        raise DemoError("a block job runs; wait until it is over, for the disk is unplugged")
    await _add_bitmap(session)
    await session.execute("device_del", {"id": frontend}, timeout=_SECONDS)
    await _gone(session)
    await asyncio.to_thread(mark_in_use, path)
    node = {
        "driver": "qcow2",
        "node-name": SCRATCH.name,
        "file": {"driver": "file", "filename": str(path)},
    }
    await session.execute("blockdev-add", node, timeout=_SECONDS)
    driver, *rest = SCRATCH.device.split(",")
    properties = dict(item.split("=", 1) for item in rest)
    plugged = {"driver": driver, **properties, "drive": SCRATCH.name}
    await session.execute("device_add", plugged, timeout=_SECONDS)


async def _add_bitmap(session: QmpSession) -> None:
    bitmap = {"node": SCRATCH.name, "name": BITMAP}
    try:
        await session.execute(
            "block-dirty-bitmap-add", {**bitmap, "persistent": True}, timeout=_SECONDS
        )
    except CommandRefused as error:
        if "already exists" not in str(error):
            raise


async def _gone(session: QmpSession) -> None:
    """Wait until the disk and its node are away: the image is closed, its bitmap saved."""
    for _ in range(_LOOKS):
        named = await session.execute("query-named-block-nodes", timeout=_SECONDS)
        held = [
            node for node in each(BlockDeviceInfo, named) if node.file.endswith(f"/{SCRATCH.file}")
        ]
        drives = each(BlockInfo, await session.execute("query-block", timeout=_SECONDS))
        if not held:
            return
        # What was plugged in by this module stays until it is told to go; a drive goes by itself.
        if all(drive.device != SCRATCH.name for drive in drives):
            await _delete(session)
        await asyncio.sleep(_LOOK_SECONDS)
    raise DemoError("the disk scratch does not let go of its image")


async def _delete(session: QmpSession) -> None:
    try:
        await session.execute("blockdev-del", {"node-name": SCRATCH.name}, timeout=_SECONDS)
    except CommandRefused as error:
        # Still attached for a moment, or gone by now.
        if "in use" not in str(error) and "Failed to find" not in str(error):
            raise


def mark_in_use(path: Path) -> None:
    """Set the flag that stands in a qcow2 while a QEMU has its bitmaps in memory, for all of them.

    Raises:
        DemoError: the image is no qcow2 of version 3 with bitmaps.
        OSError: it cannot be read or written.
    """
    with path.open("r+b") as image:
        header = image.read(_LONG_HEADER)
        if header[:4] != _MAGIC or len(header) < _LONG_HEADER:
            raise DemoError(f"{path} is no qcow2 image")
        image.seek(struct.unpack_from(">I", header, 100)[0])
        while True:
            kind, length = struct.unpack(">II", image.read(8))
            data = image.read((length + 7) // 8 * 8)
            if kind == 0:
                raise DemoError(f"no bitmap is stored in {path}")
            if kind == _BITMAPS_EXTENSION:
                break
        count, _, size, offset = struct.unpack_from(">IIQQ", data)
        image.seek(offset)
        directory = bytearray(image.read(size))
        place = 0
        for _ in range(count):
            flags = struct.unpack_from(">I", directory, place + 12)[0]
            struct.pack_into(">I", directory, place + 12, flags | _IN_USE)
            # table offset, table size, flags, type, granularity, length of the name, of extra data.
            name, extra = struct.unpack_from(">HI", directory, place + 18)
            place += (24 + extra + name + 7) // 8 * 8
        image.seek(offset)
        image.write(directory)
