"""In which order things were told of jobs.

A poll's reply can be older than events that overtook it on the way through the event loop. A mark
is taken before a poll is sent: what an event has told since then is not unsaid by its reply.
"""

from collections.abc import Container

_GONE_KEPT = 256


class Order:
    """The count of what was told, and when that was of each job, by their ids."""

    def __init__(self) -> None:
        self._told = 0
        self._touched: dict[str, int] = {}
        self._gone: dict[str, int] = {}

    def mark(self) -> int:
        """The present place in the order; the next one comes after it."""
        self._told += 1
        return self._told

    def touch(self, job_id: str) -> None:
        """An event has told of a job."""
        self._touched[job_id] = self.mark()

    def gone(self, job_id: str) -> None:
        """An event has told that a job is gone."""
        self._gone[job_id] = self.mark()
        while len(self._gone) > _GONE_KEPT:
            del self._gone[next(iter(self._gone))]

    def is_touched(self, job_id: str, since: int) -> bool:
        """Whether an event has told of a job since that mark."""
        return self._touched.get(job_id, 0) > since

    def is_gone(self, job_id: str, since: int) -> bool:
        """Whether a job has gone since that mark."""
        return self._gone.get(job_id, 0) > since

    def keep(self, jobs: Container[str]) -> None:
        """Forget when it was told of any but these; that they are gone is kept for a while."""
        self._touched = {job_id: mark for job_id, mark in self._touched.items() if job_id in jobs}

    def clear(self) -> None:
        """QEMU is gone, and its jobs with it; marks go on."""
        self._touched.clear()
        self._gone.clear()
