"""Pseudo terminals of a size."""

import contextlib
import fcntl
import os
import struct
import termios
from collections.abc import Iterator

TERMINAL = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}


@contextlib.contextmanager
def opened(columns: int = 120, lines: int = 40) -> Iterator[tuple[int, int]]:
    """Master and slave of a new one."""
    master, slave = os.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        yield master, slave
    finally:
        os.close(master)
        os.close(slave)
