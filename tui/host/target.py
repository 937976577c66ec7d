"""What the file system says of a backup's target, for the user that runs QEMU."""

import errno
import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tui.backup.target import FileKind, TargetFacts, TargetName
from tui.host.access import is_protected, may_create_in, may_write
from tui.host.image import ImageHeader, read_header
from tui.host.locks import has_writer, is_locked
from tui.host.mounts import filesystem_of
from tui.host.process import QemuProcess

_KINDS: tuple[tuple[int, FileKind], ...] = (
    (stat.S_IFREG, "file"),
    (stat.S_IFDIR, "directory"),
    (stat.S_IFBLK, "block"),
    (stat.S_IFCHR, "char"),
    (stat.S_IFIFO, "fifo"),
    (stat.S_IFSOCK, "socket"),
)

_LONGEST_PATH = 4095


def look_at_target(path: str, process: QemuProcess | None, disks: Iterable[str]) -> TargetFacts:
    """Look at a target with QEMU's eyes. Blocks for as long as the file system does.

    Args:
        path: the target as it would be sent.
        process: the QEMU behind the monitor; None if it is not on this host.
        disks: the files of the VM's disks.
    """
    place = as_seen(path, process)
    if place is None or process is None:
        return TargetFacts(path=path)
    try:
        known = _look(place, process, tuple(disks))
    except PermissionError:
        known = {}
    except UnicodeEncodeError:
        return TargetFacts(path=path)
    return TargetFacts(path=path, visible=True, seen_at=time.time(), **known)


def as_seen(path: str, process: QemuProcess | None) -> Path | None:
    """Where QEMU finds a target, as a path of ours; None where it is none, or cannot be told."""
    name = TargetName.of(path).path
    if process is None or process.same_mount_namespace is not True:
        return None
    if not name or name.startswith("/dev/fdset/") or "\0" in name:
        return None
    if name.startswith("/"):
        return Path(name)
    return Path(f"{process.cwd}/{name}") if process.cwd is not None else None


def _look(path: Path, process: QemuProcess, disks: tuple[str, ...]) -> dict[str, Any]:
    try:
        found = _follow(path)
    except OSError as error:
        return _broken(path, error)
    # A link that leads nowhere is created through: what counts is where it leads.
    path = Path(os.path.realpath(path))
    parent = path.parent
    if found is None:
        known: dict[str, Any] = {"exists": False} | _parent(parent, process)
    else:
        known = {"exists": True, "parent_exists": True, "parent_is_directory": True}
        known |= _existing(path, found, process, disks)
    if known.get("parent_is_directory"):
        space = os.statvfs(parent)
        root_space = process.overrides_permissions
        known["free_bytes"] = (space.f_bfree if root_space else space.f_bavail) * space.f_frsize
        known["filesystem"] = filesystem_of(parent)
        known["same_filesystem_as_source"] = _shares_filesystem(parent, disks)
    return known


def _follow(path: Path) -> os.stat_result | None:
    """The file at the end of all links, None if there is none."""
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _broken(path: Path, error: OSError) -> dict[str, Any]:
    match error.errno:
        case errno.ENAMETOOLONG:
            return {"name_too_long": True, "exists": False}
        case errno.ELOOP:
            return {"link_loop": True, "exists": False}
        case errno.ENOTDIR:
            return {"exists": False, "parent_exists": True, "parent_is_directory": False}
        case errno.EACCES | errno.EPERM:
            raise PermissionError(error.errno, error.strerror, str(path))
        case _:
            return {}


def _parent(parent: Path, process: QemuProcess) -> dict[str, Any]:
    try:
        is_directory = stat.S_ISDIR(parent.stat().st_mode)
    except FileNotFoundError:
        return {"parent_exists": False}
    known: dict[str, Any] = {"parent_exists": True, "parent_is_directory": is_directory}
    if is_directory:
        known["writable"] = may_create_in(process, parent)
    return known


def _existing(
    path: Path, found: os.stat_result, process: QemuProcess, disks: tuple[str, ...]
) -> dict[str, Any]:
    kind = next(kind for bits, kind in _KINDS if stat.S_IFMT(found.st_mode) == bits)
    known: dict[str, Any] = {
        "kind": kind,
        "size": found.st_size,
        "modified": found.st_mtime,
        "writable": may_write(process, path, found),
        "protected": is_protected(process, path, found),
        "same_file_as": _same_file(found, disks),
    }
    if kind == "file":
        known["locked"] = is_locked(found)
        known |= _image(path)
    return known


def _image(path: Path) -> dict[str, Any]:
    try:
        header = read_header(path)
    except PermissionError:
        return {}
    known = header.model_dump()
    known["backing_usable"] = _backing_usable(path, header)
    return known


def _backing_usable(path: Path, header: ImageHeader) -> bool | None:
    """Whether the chain below an image can be opened; None where it cannot be told or has none."""
    if header.backing_file is None:
        return None
    seen = {path}
    while header.backing_file is not None:
        name = TargetName.of(header.backing_file).path
        path = path.parent / (name or "")
        if name is None or path in seen:
            return None
        seen.add(path)
        try:
            header, found = read_header(path), path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return None
        if header.image_format is not None and has_writer(found) is not False:
            # An image with metadata is never opened while another writes to it; a raw one is.
            return None if has_writer(found) is None else False
    return True


def _same_file(found: os.stat_result, disks: tuple[str, ...]) -> str | None:
    for disk in disks:
        other = _stat(disk)
        if other is not None and os.path.samestat(found, other):
            return disk
    return None


def _shares_filesystem(parent: Path, disks: tuple[str, ...]) -> bool | None:
    device = parent.stat().st_dev
    others = [found.st_dev for disk in disks if (found := _stat(disk)) is not None]
    return device in others if others else None


def _stat(disk: str) -> os.stat_result | None:
    if not disk.startswith("/"):
        return None
    try:
        return Path(disk).stat()
    except (OSError, ValueError):
        # A disk whose file was deleted or hidden cannot be the same as one that is there.
        return None
