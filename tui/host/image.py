"""What the header of an image file says."""

import struct
from pathlib import Path

from pydantic import BaseModel, ConfigDict

_HEADER = 4096
_LONGEST_BACKING_NAME = 1023


class ImageHeader(BaseModel):
    """The format by its magic, None for a raw image; the rest where the header tells it."""

    model_config = ConfigDict(frozen=True)

    image_format: str | None = None
    virtual_size: int | None = None
    cluster_size: int | None = None
    backing_file: str | None = None


_MAGIC = (
    (b"QED\x00", "qed"),
    (b"KDMV", "vmdk"),
    (b"COWD", "vmdk"),
    (b"# Disk DescriptorFile", "vmdk"),
    (b"vhdxfile", "vhdx"),
    (b"conectix", "vpc"),
    (b"LUKS\xba\xbe", "luks"),
    (b"WithoutFreeSpace", "parallels"),
    (b"WithouFreSpacExt", "parallels"),
)


def read_header(path: Path) -> ImageHeader:
    """Read what the first bytes of a regular file tell.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER)
    if head[:4] == b"QFI\xfb" and len(head) >= 72:
        return _qcow(head)
    if len(head) >= 0x178 and head[0x40:0x44] == b"\x7f\x10\xda\xbe":
        size, _, block = struct.unpack_from("<QII", head, 0x170)
        return ImageHeader(
            image_format="vdi", virtual_size=-(-size // 512) * 512, cluster_size=block
        )
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return ImageHeader(image_format=name)
    return ImageHeader()


def _qcow(head: bytes) -> ImageHeader:
    (version,) = struct.unpack_from(">I", head, 4)
    backing_offset, backing_length = struct.unpack_from(">QI", head, 8)
    backing = None
    if backing_offset and 0 < backing_length <= _LONGEST_BACKING_NAME:
        backing = head[backing_offset : backing_offset + backing_length].decode(errors="replace")
    if version == 1:
        size, bits = struct.unpack_from(">QB", head, 24)
        name = "qcow"
    else:
        bits, size = struct.unpack_from(">IQ", head, 20)
        name = "qcow2"
    return ImageHeader(
        image_format=name,
        virtual_size=-(-size // 512) * 512,
        cluster_size=1 << bits if 9 <= bits <= 21 else None,
        backing_file=backing,
    )
