"""Which file system a directory lies on."""

import os
import re
from pathlib import Path

_ESCAPE = re.compile(r"\\([0-7]{3})")


def filesystem_of(directory: Path) -> str | None:
    """The type of the file system, as `ext4`, `nfs4` or `tmpfs`; None if it is not listed."""
    found = directory.stat().st_dev
    wanted = f"{os.major(found)}:{os.minor(found)}"
    by_device = by_path = None
    longest = -1
    for device, mount_point, kind in _mounts():
        if device == wanted:
            by_device = kind
        if directory.is_relative_to(mount_point) and len(mount_point) >= longest:
            by_path, longest = kind, len(mount_point)
    return by_device or by_path


def _mounts() -> list[tuple[str, str, str]]:
    """Device number, mount point and type of each mount."""
    mounts = []
    for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        fields, _, rest = line.partition(" - ")
        words = fields.split()
        mounts.append((words[2], _ESCAPE.sub(_unescape, words[4]), rest.split()[0]))
    return mounts


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match[1], 8))
