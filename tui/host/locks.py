"""QEMU's image locks, as the kernel lists them.

A QEMU that uses an image holds read locks on single bytes of it: byte 100 and those after it for
what it does, 200 and after for what it does not let others do (bit 1 is writing, bit 3 resizing).
"""

import fcntl
import os
import struct
from pathlib import Path

_WRITES = 101
_RESIZES = 103
_FORBIDS_WRITING = 201
_FORBIDS_RESIZING = 203


def is_locked(found: os.stat_result) -> bool | None:
    """Whether a lock keeps a new writer from a file; None where the list cannot be read."""
    return _any_lock(found, (_RESIZES, _FORBIDS_WRITING, _FORBIDS_RESIZING))


def has_writer(found: os.stat_result) -> bool | None:
    """Whether a QEMU writes to the file; None where the list cannot be read."""
    return _any_lock(found, (_WRITES, _RESIZES))


def is_held(path: Path) -> bool:
    """Whether a QEMU keeps a new writer from a regular file, as the file system itself tells it.

    Unlike the kernel's list this knows of QEMUs on other hosts, where the file system does, and of
    those in other namespaces.

    Raises:
        OSError: the file cannot be read, or its file system knows no locks.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return any(_met(handle, byte) for byte in (_RESIZES, _FORBIDS_WRITING, _FORBIDS_RESIZING))
    finally:
        os.close(handle)


def _met(handle: int, byte: int) -> bool:
    """Whether somebody's lock would stand in the way of one for writing; none is taken."""
    # The kernel's `struct flock`: type, whence, start, length, process.
    wanted = struct.pack("@hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
    told = fcntl.fcntl(handle, fcntl.F_OFD_GETLK, wanted)
    return bool(struct.unpack_from("@h", told)[0] != fcntl.F_UNLCK)


def _any_lock(found: os.stat_result, bytes_of_interest: tuple[int, ...]) -> bool | None:
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return None
    file = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    return any(_covers(line.split(), file, bytes_of_interest) for line in lines)


def _covers(words: list[str], file: str, bytes_of_interest: tuple[int, ...]) -> bool:
    if "->" in words or len(words) < 8 or words[5] != file:
        return False
    first = int(words[6])
    last = (1 << 63) if words[7] == "EOF" else int(words[7])
    return any(first <= byte <= last for byte in bytes_of_interest)
