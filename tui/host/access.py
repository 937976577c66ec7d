"""Whether the user that runs QEMU may write a file."""

import os
import stat
from pathlib import Path

from tui.host.process import QemuProcess

READ, WRITE, SEARCH = 4, 2, 1


def may(process: QemuProcess, path: Path, found: os.stat_result, wanted: int) -> bool | None:
    """Whether the process has these rights; None where an access control list decides."""
    if process.overrides_permissions:
        return True
    if wanted & WRITE and _has_acl(path):
        return None
    if found.st_uid == process.uid:
        granted = found.st_mode >> 6
    elif found.st_gid == process.gid or found.st_gid in process.groups:
        granted = found.st_mode >> 3
    else:
        granted = found.st_mode
    return granted & wanted == wanted


def _has_acl(path: Path) -> bool:
    try:
        return "system.posix_acl_access" in os.listxattr(path)
    except OSError:
        return False


def may_search_to(process: QemuProcess, directory: Path) -> bool | None:
    """Whether the process may pass through a directory and all above it."""
    result: bool | None = True
    for step in (directory, *directory.parents):
        allowed = may(process, step, step.stat(), SEARCH)
        if allowed is False:
            return False
        result = result and allowed
    return result


def may_create_in(process: QemuProcess, directory: Path) -> bool | None:
    """Whether the process may make a file in a directory."""
    if os.statvfs(directory).f_flag & os.ST_RDONLY:
        return False
    below = may_search_to(process, directory)
    if below is False:
        return False
    here = may(process, directory, directory.stat(), WRITE | SEARCH)
    return here and below


def may_write(process: QemuProcess, path: Path, found: os.stat_result) -> bool | None:
    """Whether the process may open an existing file for reading and writing."""
    if os.statvfs(path).f_flag & os.ST_RDONLY and stat.S_ISREG(found.st_mode):
        return False
    below = may_search_to(process, path.parent)
    if below is False:
        return False
    here = may(process, path, found, READ | WRITE)
    return here and below


def is_protected(process: QemuProcess, path: Path, found: os.stat_result) -> bool:
    """Whether the kernel keeps the process from creating over another's file.

    `fs.protected_regular` forbids O_CREAT of a file in a sticky directory that others may write,
    unless one owns the file, or the directory's owner does: root included.
    """
    directory = path.parent.stat()
    if not directory.st_mode & stat.S_ISVTX or found.st_uid == process.uid:
        return False
    if found.st_uid == directory.st_uid or not stat.S_ISREG(found.st_mode):
        return False
    level = _protection()
    others = directory.st_mode & stat.S_IWOTH and level >= 1
    group = directory.st_mode & stat.S_IWGRP and level >= 2
    return bool(others or group)


def _protection() -> int:
    try:
        return int(Path("/proc/sys/fs/protected_regular").read_text())
    except (OSError, ValueError):
        return 0
