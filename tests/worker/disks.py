"""Disks for backups: with a pattern, without end, or broken."""

import json
from pathlib import Path

from tests.qemu import qemu_img

KIB, MIB = 1 << 10, 1 << 20
ANON = "/machine/peripheral-anon/device[0]/virtio-backend"


def pattern(path: Path, byte: int = 0xA, size: int = 4 * MIB, fmt: str = "raw") -> Path:
    """An image that is full of one byte."""
    raw = path if fmt == "raw" else path.with_suffix(".raw")
    raw.write_bytes(bytes([byte]) * size)
    if fmt != "raw":
        qemu_img("convert", "-f", "raw", "-O", fmt, raw, path)
    return path


def overlay(path: Path, backing: Path, fmt: str = "qcow2") -> Path:
    """An empty image on top of another."""
    qemu_img("create", "-q", "-f", "qcow2", "-b", backing, "-F", fmt, path)
    return path


def drive(path: Path, fmt: str = "raw", name: str = "d0") -> tuple[str, str]:
    """A disk the `-drive` way."""
    return "-drive", f"if=none,id={name},file={path},format={fmt}"


def blockdev(path: Path, fmt: str = "qcow2", name: str = "n0") -> tuple[str, ...]:
    """A disk the `-blockdev` way, attached to a virtio device."""
    file = {"driver": "file", "filename": str(path)}
    node = {"driver": fmt, "node-name": name, "file": file}
    return "-blockdev", json.dumps(node), "-device", f"virtio-blk,drive={name}"


def null(size: int = 64 * MIB, name: str = "d0") -> tuple[str, str]:
    """A disk of zeroes that needs no file."""
    return (
        "-drive",
        f"if=none,id={name},file.driver=null-co,file.read-zeroes=on,file.size={size},format=raw",
    )


def unreadable(name: str = "d0") -> tuple[str, str]:
    """A disk whose first sector cannot be read."""
    options = f"if=none,id={name},driver=blkdebug,image.driver=null-co,image.size={MIB}"
    rule = "inject-error.0.event=none,inject-error.0.iotype=read,inject-error.0.errno=5"
    return "-drive", f"{options},{rule},inject-error.0.sector=0"


def full_target(directory: Path, size: int) -> str:
    """A target, to be used with `mode=existing`, on which no space is left."""
    rules = directory / "full.conf"
    rules.write_text('[inject-error]\nevent = "none"\niotype = "write"\nerrno = "28"\n')
    image = directory / "full.raw"
    qemu_img("create", "-q", "-f", "raw", image, str(size))
    return f"blkdebug:{rules}:{image}"


def same(one: Path, other: Path, one_format: str = "qcow2") -> bool:
    """Whether two images, the other one raw, have the same content."""
    said = qemu_img("compare", "-f", one_format, "-F", "raw", one, other)
    return "Images are identical." in said
