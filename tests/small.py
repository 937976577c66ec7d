"""A file system on which the space runs out. Making one takes root."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def small_filesystem(path: Path, size: int) -> Iterator[Path]:
    """A tmpfs of so many bytes at `path`, for as long as it is the context."""
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def grow(path: Path, size: int) -> None:
    """Make room, as an operator does."""
    subprocess.run(["mount", "-o", f"remount,size={size}", path], check=True)
