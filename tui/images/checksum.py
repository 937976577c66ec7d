"""Checksums and copies of whole files, off the event loop, with progress and an end at any time."""

import asyncio
import contextlib
import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from tui.durable import settle
from tui.images.header import open_regular
from tui.whole import whole

_CHUNK = 4 << 20
_COPY = 64 << 20

_T = TypeVar("_T")

OnBytes = Callable[[int], None]


class _Stopped(Exception):
    """Whoever waited for it does not any more."""


async def sha256(path: Path, on_bytes: OnBytes) -> str:
    """The SHA-256 of a file as it lies there.

    Args:
        path: the file.
        on_bytes: is told how many bytes were read so far.

    Raises:
        OSError: it cannot be read.
    """

    def work(tell: OnBytes) -> str:
        digest = hashlib.sha256()
        with os.fdopen(open_regular(path), "rb", buffering=0) as file:
            done = 0
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                done += len(chunk)
                tell(done)
        return digest.hexdigest()

    return await _in_thread(work, on_bytes)


async def copy(source: Path, target: Path, on_bytes: OnBytes) -> None:
    """Copy a file into a new one, holes as holes; a file system that can shares the blocks.

    Raises:
        FileExistsError: there is such a file.
        OSError: it cannot be read or written; what was written stays.
    """

    def work(tell: OnBytes) -> None:
        with contextlib.ExitStack() as owner:
            reading = open_regular(source)
            owner.callback(os.close, reading)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            mode = os.fstat(reading).st_mode & 0o777
            writing = os.open(target, flags, mode)
            owner.callback(os.close, writing)
            length = os.fstat(reading).st_size
            os.ftruncate(writing, length)
            for start, end in _data(reading, length):
                for at in range(start, end, _COPY):
                    _copy_range(reading, writing, at, min(end, at + _COPY))
                    tell(min(end, at + _COPY))
            tell(length)

    await _in_thread(work, on_bytes)


def _data(handle: int, length: int) -> Iterator[tuple[int, int]]:
    at = 0
    while at < length:
        try:
            start = os.lseek(handle, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        at = os.lseek(handle, start, os.SEEK_HOLE)
        yield start, min(at, length)


def _copy_range(reading: int, writing: int, start: int, end: int) -> None:
    at = start
    while at < end:
        try:
            done = os.copy_file_range(reading, writing, end - at, at, at)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            done = os.pwrite(writing, os.pread(reading, min(_CHUNK, end - at), at), at)
        if not done:
            raise OSError(errno.EIO, "the file became shorter while it was copied")
        at += done


async def flush(path: Path) -> None:
    """Have a file on the disk for good.

    Raises:
        OSError: it could not be written.
    """
    await asyncio.to_thread(settle, path)


async def to_its_end(work: Callable[[], _T]) -> _T:
    """Run something short in a thread; a cancellation waits until it is done or has failed."""
    return await whole(asyncio.to_thread(work))


async def _in_thread(work: Callable[[OnBytes], _T], on_bytes: OnBytes) -> _T:
    """Run it in a thread that ends soon after whoever waits for it is cancelled."""
    loop = asyncio.get_running_loop()
    stop = threading.Event()

    def tell(done: int) -> None:
        if stop.is_set():
            raise _Stopped
        loop.call_soon_threadsafe(on_bytes, done)

    running = asyncio.ensure_future(asyncio.to_thread(work, tell))
    try:
        return await asyncio.shield(running)
    finally:
        stop.set()
        # A storage that does not answer holds a thread, but not whoever gave up waiting.
        await asyncio.wait({running}, timeout=5.0)
        if running.done() and not running.cancelled():
            running.exception()
