"""What the header of an image file says."""

import struct
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tui.backup.formats import vpc_geometry_size

_HEADER = 4096
_LONGEST_BACKING_NAME = 1023


class ImageHeader(BaseModel):
    """The format by its magic, None for a raw image; the rest where the header tells it.

    Sizes are bytes.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    image_format: str | None = None
    virtual_size: int | None = None
    cluster_size: int | None = None
    backing_file: str | None = None


def read_header(path: Path) -> ImageHeader:
    """Read what the first bytes of a regular file tell.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER)
    for offset, magic, name, read in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            # A file cut short after its magic is an image all the same, of which no more is known.
            header = read(head) if len(head) >= 512 else ImageHeader()
            return header.model_copy(update={"image_format": name})
    return ImageHeader()


def _whole_sectors(size: int) -> int:
    return -(-size // 512) * 512


def _nothing(head: bytes) -> ImageHeader:
    return ImageHeader()


def _backing(head: bytes, offset: int, length: int) -> str | None:
    if not offset or not 0 < length <= _LONGEST_BACKING_NAME:
        return None
    return head[offset : offset + length].decode(errors="surrogateescape")


def _qcow(head: bytes) -> ImageHeader:
    offset, length = struct.unpack_from(">QI", head, 8)
    size, bits = struct.unpack_from(">QB", head, 24)
    return ImageHeader(
        virtual_size=_whole_sectors(size),
        cluster_size=1 << bits if bits < 32 else None,
        backing_file=_backing(head, offset, length),
    )


def _qcow2(head: bytes) -> ImageHeader:
    offset, length, bits, size = struct.unpack_from(">QIIQ", head, 8)
    return ImageHeader(
        virtual_size=_whole_sectors(size),
        cluster_size=1 << bits if bits < 32 else None,
        backing_file=_backing(head, offset, length),
    )


def _qed(head: bytes) -> ImageHeader:
    (cluster,) = struct.unpack_from("<I", head, 4)
    size, offset, length = struct.unpack_from("<QII", head, 48)
    return ImageHeader(
        virtual_size=_whole_sectors(size),
        cluster_size=cluster,
        backing_file=_backing(head, offset, length),
    )


def _vmdk(head: bytes) -> ImageHeader:
    sectors, grain = struct.unpack_from("<QQ", head, 12)
    return ImageHeader(virtual_size=sectors * 512, cluster_size=grain * 512)


def _vdi(head: bytes) -> ImageHeader:
    size, block = struct.unpack_from("<QI", head, 0x170)
    return ImageHeader(virtual_size=_whole_sectors(size), cluster_size=block)


def _parallels(head: bytes) -> ImageHeader:
    # Not every QEMU takes the clusters of this format into account, so they are left out.
    (sectors,) = struct.unpack_from("<Q", head, 36)
    return ImageHeader(virtual_size=sectors * 512)


def _vpc(head: bytes) -> ImageHeader:
    creator = head[28:32]
    (current, cylinders, heads, per_track) = struct.unpack_from(">QHBB", head, 48)
    counted = vpc_geometry_size(cylinders, heads, per_track)
    by_geometry = creator in (b"vpc ", b"vs  ", b"qemu") and counted is not None
    return ImageHeader(virtual_size=counted if by_geometry else current)


_MAGIC: tuple[tuple[int, bytes, str, Callable[[bytes], ImageHeader]], ...] = (
    (0, b"QFI\xfb\x00\x00\x00\x01", "qcow", _qcow),
    (0, b"QFI\xfb", "qcow2", _qcow2),
    (0, b"QED\x00", "qed", _qed),
    (0, b"KDMV", "vmdk", _vmdk),
    (0, b"COWD", "vmdk", _nothing),
    (0, b"# Disk DescriptorFile", "vmdk", _nothing),
    (0x40, b"\x7f\x10\xda\xbe", "vdi", _vdi),
    (0, b"vhdxfile", "vhdx", _nothing),
    (0, b"conectix", "vpc", _vpc),
    (0, b"LUKS\xba\xbe", "luks", _nothing),
    (0, b"WithoutFreeSpace", "parallels", _parallels),
    (0, b"WithouFreSpacExt", "parallels", _parallels),
)
