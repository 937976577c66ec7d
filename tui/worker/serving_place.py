"""The directory of the socket by which a QEMU serves its disks."""

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tui.chain.lock import alone_with
from tui.host.process import QemuProcess

OWNER = "owner"
"""The file that is locked while somebody uses it."""

_PREFIX = "blockdeck-nbd"


@contextlib.contextmanager
def serving_place(process: QemuProcess) -> Iterator[Path]:
    """A directory for the socket that nobody else may enter."""
    place = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}-{process.pid}-"))
    try:
        if process.uid != os.geteuid():
            os.chown(place, process.uid, -1)
        with alone_with(place / OWNER):
            yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def left_in(process: QemuProcess) -> list[Path]:
    """The directories that were made for this QEMU's server; another may be using one."""
    owners = {process.uid, os.geteuid()}
    places = Path(tempfile.gettempdir()).glob(f"{_PREFIX}-{process.pid}-*")
    return [p for p in places if p.is_dir() and not p.is_symlink() and p.stat().st_uid in owners]


def answers(path: Path) -> bool:
    """Whether somebody listens there; a socket of the same host answers at once or never."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1.0)
        try:
            line.connect(str(path))
        except OSError:
            return False
    return True
