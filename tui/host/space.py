"""How much room there is for the targets of backups that run."""

import logging
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path

from tui.host.process import QemuProcess
from tui.host.target import as_seen
from tui.vm.space import Look

log = logging.getLogger(__name__)

_BLOCK = 512


def look_at_space(
    targets: Mapping[str, int | None], process: QemuProcess | None
) -> dict[str, Look]:
    """Look at the file systems of targets. Blocks for as long as they do.

    Args:
        targets: each with the size of its disk if it is a raw image, which grows no further.
        process: the QEMU that writes to them; None if it is not on this host.

    Returns:
        What is seen; a target that is no file, or that cannot be seen, is not in it.
    """
    found = {}
    for target, raw_size in targets.items():
        place = as_seen(target, process)
        if place is None or process is None:
            continue
        try:
            look = _look(place, process, raw_size)
        except (OSError, ValueError) as error:
            log.info("the room for %r is not seen: %s", target, error)
            continue
        if look is not None:
            found[target] = look
    return found


def _look(place: Path, process: QemuProcess, raw_size: int | None) -> Look | None:
    file = place.stat()
    if not stat.S_ISREG(file.st_mode):
        return None
    space = os.statvfs(place)
    # What is kept for root is only root's.
    free = space.f_bfree if process.overrides_permissions else space.f_bavail
    held = file.st_blocks * _BLOCK
    return Look(
        taken=time.monotonic(),
        free=free * space.f_frsize,
        total=space.f_blocks * space.f_frsize,
        device=file.st_dev,
        filled=raw_size is not None and held >= file.st_size >= raw_size > 0,
        held=held,
    )
