"""Files that backups are written to, and what only looks like one."""

import os
import shutil
import socket
import stat
from pathlib import Path

from tests.backup.images import MIB, SIZE
from tests.qemu import qemu_img


class Targets:
    """Files and what only looks like one, made anew after each case."""

    def __init__(self, directory: Path) -> None:
        self._here = directory / "targets"
        self._here.mkdir()
        _make_targets(self._here)
        self._fresh = directory / "fresh"
        self._fresh.mkdir()
        self._known = {}
        for path in self._files():
            shutil.copy2(path, self._fresh / path.name)
            self._known[path.name] = _stamp(path)

    def _files(self) -> list[Path]:
        return [path for path in self._here.iterdir() if stat.S_ISREG(path.lstat().st_mode)]

    def restore(self) -> None:
        """Undo what a backup did."""
        for path in (*self._files(), *(self._here / "dir").iterdir()):
            if path.name not in self._known or path.parent != self._here:
                path.unlink()
            elif _stamp(path) != self._known[path.name]:
                shutil.copy2(self._fresh / path.name, path)
                self._known[path.name] = _stamp(path)


def can_make(name: str, here: Path) -> bool:
    """Whether this QEMU knows an image format that not all do."""
    try:
        qemu_img("create", "-q", "-f", name, here / "probe", str(SIZE))
    except AssertionError:
        return False
    (here / "probe").unlink()
    return True


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_ctime_ns, found.st_size


def _make_targets(here: Path) -> None:
    (here / "dir").mkdir()
    (here / "exists.raw").write_bytes(b"x" * SIZE)
    (here / "short.raw").write_bytes(b"x" * MIB)
    (here / "empty").write_bytes(b"")
    (here / "text").write_text("a text\n" * 20)
    for name, size in {"right": SIZE, "odd": SIZE + 512, "wrong": MIB}.items():
        qemu_img("create", "-q", "-f", "qcow2", here / f"{name}.qcow2", str(size))
    base = here / "right.qcow2"
    overlay = here / "overlay.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", overlay)
    gone = here / "gone.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", gone, str(SIZE))
    qemu_img("create", "-q", "-f", "qcow2", "-b", gone, "-F", "qcow2", here / "orphan.qcow2")
    gone.unlink()
    for name in ("vmdk", "vdi", "qed", "qcow", "vhdx", "parallels"):
        if name == "parallels" and not can_make(name, here):
            continue
        qemu_img("create", "-q", "-f", name, here / f"right.{name}", str(SIZE))
    os.mkfifo(here / "fifo")
    (here / "loop").symlink_to(here / "loop")
    (here / "dangling").symlink_to(here / "created-through-a-link")
    (here / "link").symlink_to(here / "exists.raw")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(here / "socket"))
