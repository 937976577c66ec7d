"""The two ways in which QEMU can carry out a backup."""

from enum import StrEnum
from typing import TYPE_CHECKING

from tui.backup.arguments import BLOCKDEV_BACKUP, DRIVE_BACKUP
from tui.vm.snapshot import Device, VmSnapshot

if TYPE_CHECKING:
    from tui.qmp.schema import QmpSchema

_COMMANDS = (BLOCKDEV_BACKUP, "blockdev-add", "blockdev-create", "blockdev-del")


class Way(StrEnum):
    """How the same arguments become a backup.

    `drive-backup` opens the target itself. For `blockdev-backup` the target is made and opened as a
    block node before, and closed, and so flushed, when the job has ended.
    """

    DRIVE = DRIVE_BACKUP
    BLOCKDEV = BLOCKDEV_BACKUP


def ways(schema: "QmpSchema") -> tuple[Way, ...]:
    """The ways that this QEMU knows."""
    by_nodes = all(schema.has_command(command) for command in _COMMANDS)
    known = {Way.DRIVE: schema.has_command(DRIVE_BACKUP), Way.BLOCKDEV: by_nodes}
    return tuple(way for way in Way if known[way])


def default_way(vm: VmSnapshot, device: Device | None, schema: "QmpSchema") -> Way:
    """`blockdev-backup` where `drive-backup` is dangerous (X1, X3) or gone, else `drive-backup`."""
    known = ways(schema)
    dangerous = why_not_drive_backup(vm, device) is not None or Way.DRIVE not in known
    return Way.BLOCKDEV if dangerous and Way.BLOCKDEV in known else Way.DRIVE


def why_not_drive_backup(vm: VmSnapshot, device: Device | None) -> str | None:
    """What speaks against `drive-backup` of this disk, in a sentence; None if nothing does."""
    if device is not None and device.medium is not None and device.medium.temporary_snapshot:
        return "drive-backup deletes files of a disk with snapshot=on."
    if vm.traps.bad_target_freezes:
        return f"In QEMU {vm.major} a refused drive-backup can freeze the disk."
    return None
