"""A file of lines that several processes append to, and that is put aside when it is full."""

import fcntl
import logging
import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

log = logging.getLogger(__name__)


class SharedRotatingHandler(RotatingFileHandler):
    """`RotatingFileHandler` for a file of mode 0600 that other processes write to as well.

    A lock beside the file keeps two from rotating at once, and whoever finds that the file was put
    aside by another opens the new one. A record with an attribute `written` is not written: it is
    called back when all before it is on the disk.

    Args:
        path: the file; its directory is made when the first line is written.
        most_bytes: the size that it does not exceed.
        kept: how many full files are kept, as `.1`, `.2` and so on.

    Attributes:
        problem: why the last line could not be written; empty while all is well.
    """

    def __init__(self, path: Path, most_bytes: int, kept: int) -> None:
        super().__init__(path, maxBytes=most_bytes, backupCount=kept, encoding="utf-8", delay=True)
        self._lock_path = path.with_name(f"{path.name}.lock")
        self.problem = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Append one line for good; what goes wrong is logged, as the caller has long gone on."""
        written: Callable[[], None] | None = getattr(record, "written", None)
        if written is not None:
            written()
            return
        try:
            self._lock_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._find_again()
                super().emit(record)
                if self.stream is not None:
                    os.fsync(self.stream.fileno())
                    self.problem = ""
            finally:
                os.close(lock)
        except OSError:
            self.handleError(record)

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        handle = os.open(self.baseFilename, flags, 0o600)
        # One that somebody made by hand may be readable by others.
        os.fchmod(handle, 0o600)
        return os.fdopen(handle, "a", encoding="utf-8")

    def _find_again(self) -> None:
        """Let go of a file that another process has put aside, or that was removed."""
        if self.stream is None:
            return
        ours = os.fstat(self.stream.fileno())
        try:
            there = Path(self.baseFilename).stat()
        except FileNotFoundError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
            self.stream.close()
            self.stream = None

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's own name)
        """Say what went wrong where the rest is said: the standard way is to print a traceback."""
        self.problem = str(sys.exc_info()[1])
        log.error("a line of %s is lost", self.baseFilename, exc_info=sys.exc_info())
