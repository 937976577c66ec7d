"""What QEMU's image formats can do, as far as its schema does not tell."""

from typing import NamedTuple

_KIB, _MIB, _GIB, _TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40


class ImageFormat(NamedTuple):
    """A format that a new file can be made in with no option but its size.

    `cluster` is the size in bytes of the pieces a new image is written in, 0 where there are none
    and None where QEMU's versions differ. `holes` tells whether an unwritten part takes no space
    after a backup.
    """

    name: str
    cluster: int | None = 0
    backing: bool = False
    compress: bool = False
    holes: bool = True


_FORMATS = (
    ImageFormat("qcow2", cluster=64 * _KIB, backing=True, compress=True),
    ImageFormat("raw", holes=False),
    ImageFormat("file", holes=False),
    ImageFormat("qcow", cluster=4 * _KIB, backing=True, compress=True),
    ImageFormat("qed", cluster=64 * _KIB, backing=True),
    ImageFormat("vmdk", cluster=64 * _KIB, backing=True, compress=True),
    ImageFormat("vdi", cluster=_MIB),
    ImageFormat("vhdx", cluster=8 * _MIB),
    ImageFormat("vpc", cluster=2 * _MIB),
    ImageFormat("parallels", cluster=None),
)

FORMATS: dict[str, ImageFormat] = {entry.name: entry for entry in _FORMATS}

WITH_BACKING = frozenset(f.name for f in _FORMATS if f.backing)
# An existing image of these can be put onto another, even where none can be made so.
TAKES_BACKING = WITH_BACKING | {"parallels"}
# These say so politely; a filter does not.
WITHOUT_BACKING = frozenset(f.name for f in _FORMATS) - TAKES_BACKING
WITH_COMPRESSION = frozenset(f.name for f in _FORMATS if f.compress)

CREATED = frozenset(f.name for f in _FORMATS) - {"raw", "file"}
"""Formats that `blockdev-create` makes from a size alone."""

PLAIN = frozenset({"raw", "file", "host_device"})
"""What needs no header: the file as it is."""

_SHOWN = ("qcow2", "raw", "qcow", "qed", "vmdk", "vdi", "vhdx", "vpc", "parallels")


def is_creatable(driver: str) -> bool:
    """Whether a form should offer the driver as the format of a new file."""
    return driver in _SHOWN


def new_cluster_size(driver: str, virtual_size: int, *, backing: bool) -> int | None:
    """The cluster size in bytes of a newly created image; None for an unknown driver."""
    if driver == "qcow" and backing:
        return 512
    if driver == "vhdx":
        return _vhdx_block(virtual_size)
    known = FORMATS.get(driver)
    return known.cluster if known else None


def _vhdx_block(virtual_size: int) -> int:
    if virtual_size > 32 * _TIB:
        return 64 * _MIB
    if virtual_size > 100 * _GIB:
        return 32 * _MIB
    return 16 * _MIB if virtual_size > _GIB else 8 * _MIB


_VPC_MOST_CHS = 65535 * 16 * 255
_VPC_MOST = 0xFF000000


def vpc_size(virtual_size: int) -> int:
    """What `vpc` makes of a size in bytes: it counts in cylinders, heads and sectors."""
    sectors = virtual_size // 512
    extra, counted = 0, _chs_sectors(sectors)
    while counted < min(sectors, _VPC_MOST_CHS):
        extra += 1
        counted = _chs_sectors(sectors + extra)
    return virtual_size if counted == _VPC_MOST_CHS else counted * 512


def vpc_geometry_size(cylinders: int, heads: int, per_track: int) -> int | None:
    """The size in bytes of a `vpc` by its geometry; None where that says only "the largest"."""
    sectors = cylinders * heads * per_track
    return None if sectors == _VPC_MOST_CHS else sectors * 512


def is_too_big_for_vpc(virtual_size: int) -> bool:
    """Whether a disk is larger than the 2040 GiB that `vpc` can count."""
    return virtual_size // 512 > _VPC_MOST


def _chs_sectors(total: int) -> int:
    total = min(total, _VPC_MOST_CHS)
    if total > 65535 * 16 * 63:
        per_track, heads = 255, 16
        tracks = total // per_track
    else:
        per_track = 17
        tracks = total // per_track
        heads = max(4, -(-tracks // 1024))
        if tracks >= heads * 1024 or heads > 16:
            per_track, heads = 31, 16
            tracks = total // per_track
        if tracks >= heads * 1024:
            per_track, heads = 63, 16
            tracks = total // per_track
    return (tracks // heads) * heads * per_track


_URLS = {"http", "https", "ftp", "ftps", "ssh"}
_STORAGE = {"iscsi", "iser", "nfs", "rbd", "sheepdog"}
_GLUSTER = {"gluster", "gluster+tcp", "gluster+unix", "gluster+rdma"}
_BLKIO = {"io_uring", "nvme-io_uring"} | {
    f"virtio-blk-{kind}" for kind in ("vfio-pci", "vhost-user", "vhost-vdpa")
}

MODULES = frozenset(_URLS | _STORAGE | _GLUSTER | _BLKIO)
"""Drivers that are known, and yet only there where their module is installed beside QEMU."""

DEVICE_DRIVERS = frozenset({"host_device", "host_cdrom"})
NETWORK_DRIVERS = frozenset({"nbd", "nvme"})
"""Drivers that open what is there where others would create it."""

PROTOCOLS_WITHOUT_CREATION = {
    "null-co": "null-co",
    "null-aio": "null-aio",
    "fat": "vvfat",
    "blkdebug": "blkdebug",
    "blkverify": "blkverify",
}
"""Prefixes of a target whose driver (the value) cannot make one."""

PROTOCOLS_THAT_OPEN = DEVICE_DRIVERS | {"nbd", "nbd+tcp", "nbd+unix", "nvme"}
"""Prefixes of a target that is opened in place of being created."""
