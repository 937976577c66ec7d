"""Files that are on the disk for good, whole or not at all; all of it waits for the disk."""

import os
from pathlib import Path


def write_whole(path: Path, text: str, mode: int = 0o666) -> None:
    """Put a text into a file, in place of all that is there; its directory is still to be settled.

    Until then it is in `.NAME.PID` beside it, which stays if this process is killed meanwhile.

    Args:
        mode: the permissions of the file, less the umask.

    Raises:
        OSError: it cannot be written; what was there is untouched.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        with os.fdopen(os.open(draft, flags, mode), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def settle(path: Path) -> None:
    """Have what a file holds, or which names a directory has, on the disk for good.

    Raises:
        OSError: it could not be written.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
