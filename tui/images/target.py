"""Where a restore goes: a new file, never one that is of use to somebody."""

import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from tui.chain.manifest import SUFFIX
from tui.host.image import read_header
from tui.host.locks import has_writer, is_held, is_locked
from tui.images.errors import ImageError, from_os
from tui.images.source import Source
from tui.text import plain
from tui.units import size


@dataclass(frozen=True, slots=True)
class Existing:
    """What is there now, and would be lost: bytes, seconds since the epoch, and who it is."""

    path: Path
    length: int
    allocated: int
    modified: float
    image_format: str
    mode: int
    identity: tuple[int, int, int, int]

    @property
    def words(self) -> str:
        """What would be lost, for the operator."""
        when = time.strftime("%F %H:%M", time.localtime(self.modified))
        return (
            f"{plain(str(self.path), 200)}: {self.image_format}, {size(self.length)} "
            f"({size(self.allocated)} on the disk), written {when}"
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a restore goes.

    Attributes:
        path: the file it will be, with no link left in its directory.
        draft: the file beside it that is written first.
        existing: what is there now.
        stale: whether a draft is left from a restore that was killed.
        free: bytes there is room for.
    """

    path: Path
    draft: Path
    existing: Existing | None
    stale: bool
    free: int


def find_place(target: Path, source: Source) -> Place:
    """Look at where a restore shall go. It waits for the disk: it is for threads.

    Raises:
        ImageError: nothing may or can be written there; the sentence says why.
    """
    shown = plain(str(target), 200)
    if target.name in ("", ".", "..") or "\0" in str(target):
        raise ImageError("Name the file to restore to")
    try:
        path = target.parent.resolve(strict=True) / target.name
        if not path.parent.is_dir():
            raise ImageError(f"{plain(str(target.parent), 200)} is no directory")
        draft = path.with_name(f".{path.name}.restoring")
        if len(os.fsencode(draft.name)) > os.pathconf(path.parent, "PC_NAME_MAX"):
            raise ImageError(f"the name of {shown} is too long")
        _keep_off(path, source)
        existing = _existing(path)
        stale = _stale(draft, source)
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise ImageError(f"{plain(str(path.parent), 200)} may not be written in")
        room = os.statvfs(path.parent)
    except OSError as error:
        raise from_os(error, shown) from error
    free = (room.f_bfree if os.geteuid() == 0 else room.f_bavail) * room.f_frsize
    freed = draft.lstat().st_blocks * 512 if stale else 0
    return Place(path, draft, existing, stale, free + freed)


def unchanged(place: Place) -> bool:
    """Whether there is still what was there, and nobody has begun to use it."""
    try:
        found = place.path.lstat()
    except FileNotFoundError:
        return place.existing is None
    if place.existing is None or _identity(found) != place.existing.identity:
        return False
    return not _in_use(place.path, found)


def _keep_off(path: Path, source: Source) -> None:
    """Never one of the files it is restored from, by whatever name."""
    if path.name.endswith(SUFFIX):
        raise ImageError(f"{plain(path.name)} is the name of a manifest")
    try:
        there: os.stat_result | None = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        there = None
    for own in source.untouchable:
        same_name = own.parent.resolve() / own.name == path
        if same_name or (there is not None and _is(own, there)):
            what = "is" if same_name else f"is another name of {plain(own.name)}, which is"
            raise ImageError(
                f"{plain(str(path), 200)} {what} one of the backups that are restored from",
                "Name a new file.",
            )


def _is(own: Path, there: os.stat_result) -> bool:
    try:
        return os.path.samestat(own.stat(), there)
    except OSError:
        return False


def _existing(path: Path) -> Existing | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    shown = plain(str(path), 200)
    if stat.S_ISLNK(found.st_mode):
        where = plain(str(path.readlink()), 200)
        raise ImageError(f"{shown} is a link to {where}", "Name the file itself, or a new one.")
    if not stat.S_ISREG(found.st_mode):
        kind = "a directory" if stat.S_ISDIR(found.st_mode) else "no regular file"
        advice = "Restore to a new image; the commands show how to write it elsewhere."
        raise ImageError(f"{shown} is {kind}", advice)
    if _in_use(path, found):
        raise ImageError(f"{shown} is in use by a running QEMU", "Name a new file.")
    return Existing(
        path=path,
        length=found.st_size,
        allocated=found.st_blocks * 512,
        modified=found.st_mtime,
        image_format=read_header(path).image_format or "raw",
        mode=stat.S_IMODE(found.st_mode),
        identity=_identity(found),
    )


def _stale(draft: Path, source: Source) -> bool:
    """Whether there is a draft that nobody works on; by its name it is a half-made restore."""
    try:
        found = draft.lstat()
    except FileNotFoundError:
        return False
    shown = plain(str(draft), 200)
    ours = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid()
    if not ours or any(_is(own, found) for own in source.untouchable):
        raise ImageError(f"{shown} is in the way", "See what it is, and delete it.")
    if _in_use(draft, found):
        raise ImageError(f"another restore to {shown} is running")
    return True


def _in_use(path: Path, found: os.stat_result) -> bool:
    """Whether a QEMU, or a qemu-img, works with a regular file."""
    try:
        held = is_held(path)
    except OSError:
        # A file system without locks: the kernel's list has to do.
        held = False
    return bool(held or has_writer(found) or is_locked(found))


def _identity(found: os.stat_result) -> tuple[int, int, int, int]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
