"""What the header of a qcow2 file says of other files, read without opening any of them."""

import os
import stat
import struct
from pathlib import Path

from pydantic import BaseModel, ConfigDict

_MAGIC = b"QFI\xfb"
_LONGEST_NAME = 1023
_BACKING_FORMAT = 0xE2792ACA
_DIRTY, _CORRUPT, _DATA_FILE = 1, 2, 4
_READ = 1 << 16


class NotQcow2(Exception):
    """The file is not a qcow2 image, or not a whole one."""


class Qcow2Header(BaseModel):
    """The parts of a header that matter here; sizes are bytes.

    `data_file` is whether the guest's data are in another file, `corrupt` whether QEMU has marked
    the image so.
    """

    model_config = ConfigDict(frozen=True)

    virtual_size: int
    cluster_size: int
    backing_file: str | None
    backing_format: str | None
    data_file: bool
    corrupt: bool


def open_regular(path: Path) -> int:
    """A handle to read a file by; a pipe or a device is not opened at all.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(0, "is no regular file", str(path))
    return handle


def read_qcow2(path: Path) -> Qcow2Header:
    """Read a header.

    Raises:
        OSError: the file cannot be read.
        NotQcow2: it is something else; the text says what is wrong.
    """
    with os.fdopen(open_regular(path), "rb") as file:
        head = file.read(_READ)
        if head[:4] != _MAGIC:
            raise NotQcow2("is no qcow2 image")
        try:
            return _read(head)
        except (struct.error, IndexError, UnicodeError) as error:
            raise NotQcow2("has a header that is cut short") from error


def _read(head: bytes) -> Qcow2Header:
    version, name_at, name_length, bits, size = struct.unpack_from(">IQIIQ", head, 4)
    if version not in (2, 3) or not 9 <= bits <= 21:
        raise NotQcow2("is a qcow2 image of a kind that is not known")
    features, length = 0, 72
    if version == 3:
        (features,) = struct.unpack_from(">Q", head, 72)
        (length,) = struct.unpack_from(">I", head, 100)
    name = None
    if name_at:
        if name_length > _LONGEST_NAME or name_at + name_length > len(head):
            raise NotQcow2("has a header that is damaged")
        name = os.fsdecode(head[name_at : name_at + name_length])
    return Qcow2Header(
        virtual_size=size,
        cluster_size=1 << bits,
        backing_file=name,
        backing_format=_extension(head, length, _BACKING_FORMAT) if name else None,
        data_file=bool(features & _DATA_FILE),
        corrupt=bool(features & _CORRUPT),
    )


def _extension(head: bytes, at: int, wanted: int) -> str | None:
    while True:
        kind, length = struct.unpack_from(">II", head, at)
        if kind == 0:
            return None
        if kind == wanted:
            return head[at + 8 : at + 8 + length].decode("ascii", "replace")
        at += 8 + (length + 7) // 8 * 8
