"""The image files of the zoo, made by the QEMU that is tried."""

import subprocess
from pathlib import Path

from tests.qemu import qemu_img

MIB = 1 << 20
SIZE = 4 * MIB

SECRET = "secret,id=key,data=a secret of the zoo"

_TRIES = 20

_RAW = {
    "raw": SIZE,
    "odd": SIZE + 512,
    "base": SIZE,
    "nraw": SIZE,
    "small": 2 * MIB,
    "loose": SIZE,
    "temp": SIZE,
    "mirrored": SIZE,
    "shared": SIZE,
    "under": SIZE,
    "zero": 0,
    "target": SIZE,
}
_QCOW2 = ("plain", "ro", "busy", "node", "thr", "ended", "target")
_OVERLAYS = {
    "mid": "base.img",
    "top": "mid.qcow2",
    "cor": "base.img",
    "work": "under.img",
    "ovl": "raw.img",
}
_OTHERS = ("vmdk", "vdi", "qed", "vpc", "qcow", "vhdx")
_BITMAPS = {"top": ("kept", "torn", "idle"), "ro": ("rokept",), "node": ("nb",)}


def make_images(directory: Path) -> None:
    """All of them."""
    for name, size in _RAW.items():
        with (directory / f"{name}.img").open("wb") as file:
            file.write(b"\x11" * min(MIB, size))
            file.truncate(size)
    make = ("create", "-q", "-f", "qcow2")
    # Backed by their neighbours, wherever they are copied to.
    for name, below in _OVERLAYS.items():
        kind = "raw" if below.endswith("img") else "qcow2"
        qemu_img(*make, "-b", below, "-F", kind, directory / f"{name}.qcow2")
    for name in _QCOW2:
        qemu_img(*make, directory / f"{name}.qcow2", str(SIZE))
    qemu_img(*make, "-o", "compat=0.10", directory / "v2.qcow2", str(SIZE))
    for name, bitmaps in _BITMAPS.items():
        for bitmap in bitmaps:
            qemu_img("bitmap", "--add", directory / f"{name}.qcow2", bitmap)
    qemu_img("bitmap", "--disable", directory / "top.qcow2", "idle")
    _tear(directory / "top.qcow2", b"torn")
    for name in _OTHERS:
        options = ("-o", "force_size=on") if name == "vpc" else ()
        qemu_img("create", "-q", "-f", name, *options, directory / f"disk.{name}", str(SIZE))
    _make_encrypted(directory / "disk.luks")


def _make_encrypted(image: Path) -> None:
    """A LUKS image; qemu-img takes the time of its key, which now and then it cannot."""
    luks = ("--object", SECRET, "-f", "luks", "-o", "key-secret=key,iter-time=10")
    for _ in range(_TRIES):
        try:
            qemu_img("create", "-q", *luks, image, str(SIZE))
        except AssertionError as error:
            if "Unable to get accurate CPU usage" not in str(error):
                raise
        else:
            return
    raise AssertionError(f"qemu-img could not take the time of a key in {_TRIES} tries")


def _tear(image: Path, bitmap: bytes) -> None:
    """Mark a persistent bitmap as in use, as a QEMU that was killed leaves it."""
    data = bytearray(image.read_bytes())
    name = data.rindex(bitmap)
    data[name - 9] |= 1
    image.write_bytes(data)


def copy_images(pristine: Path, to: Path) -> None:
    """Put the images in place as they were made; their holes stay holes."""
    to.mkdir(exist_ok=True)
    files = sorted(pristine.iterdir())
    subprocess.run(["cp", "-p", "--sparse=always", *files, to], check=True)
