"""Where the form begins: a full backup that is complete and safe."""

from datetime import datetime

from tui.backup.arguments import Json
from tui.backup.target import suggest_job_id, suggest_target
from tui.vm.snapshot import Device, VmSnapshot

_FORMAT = "qcow2"


def default_arguments(
    device: Device, vm: VmSnapshot, directory: str, now: datetime, speed: int = 0
) -> dict[str, Json]:
    """A full backup of the disk to a new qcow2 in a directory of QEMU's host.

    The outcome is kept until BlockDeck has recorded it (`auto-dismiss` off), except on a QEMU
    before 7, where a job that is kept can kill the VM. `speed` is in bytes a second; 0 is no limit.
    """
    limit: dict[str, Json] = {"speed": speed} if speed else {}
    return {
        "job-id": suggest_job_id(device.title, now),
        "device": device.backup_name or "",
        "sync": "full",
        "target": suggest_target(directory, device.title, now, _FORMAT),
        "format": _FORMAT,
        "mode": "absolute-paths",
        "auto-dismiss": vm.traps.listing_nodes_kills,
        **limit,
    }
