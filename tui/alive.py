"""Whether a process is still the one that it was."""

import psutil


def is_alive(pid: int, created: float) -> bool:
    """Whether the process runs that had this id and began then (seconds since the epoch).

    The id may be another process's by now, and one that is a zombie does nothing any more.
    """
    try:
        process = psutil.Process(pid)
        return process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
