"""Being alone with a chain, for as long as a point of it is made or its images change."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class ChainBusy(Exception):
    """Somebody else works on the chain; other chains of the directory are not held up by it."""


@contextlib.contextmanager
def alone_with(manifest: Path) -> Iterator[None]:
    """Keep every other BlockDeck from a chain; it does not wait.

    The kernel ends it when the process ends, however that comes about.

    Raises:
        ChainBusy: another has it.
        OSError: the directory cannot be written.
    """
    # The manifest itself cannot carry the lock, for it is replaced with every change.
    path = manifest.with_name(f".{manifest.name}.lock")
    handle = _take(path)
    if handle is None:
        raise ChainBusy(f"another BlockDeck works on the chain of {manifest}")
    try:
        yield
    finally:
        # It goes while it is held: whoever opened it before sees that it is another file.
        path.unlink(missing_ok=True)
        os.close(handle)


def _take(path: Path) -> int | None:
    """A handle that holds the lock; None if another has it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(path.stat(), os.fstat(handle)):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None
