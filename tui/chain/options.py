"""How a point of a chain is asked for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PointOptions:
    """How a point is copied: `speed` in bytes a second for each disk, 0 is no limit.

    `fleece` is the directory on fast storage that saves what the guest overwrites; "" is none.
    `freeze` is whether the guest is to be frozen while the backup begins. `grouped` is whether the
    backups of several disks end together: where one fails, the others are cancelled. If not, they
    run on; the point comes to nothing all the same, for it is of all of its disks.
    """

    speed: int = 0
    compress: bool = False
    fleece: str = ""
    freeze: bool = False
    grouped: bool = True
