"""What comes to an end of its own before the app does."""

import contextlib

from textual.worker import WorkerCancelled, WorkerFailed
from textual.worker_manager import WorkerManager

POINTS = "chains"
"""The group of the tasks that make points."""


async def points_let_go(workers: WorkerManager) -> None:
    """Wait for the tasks that make points, which have been cancelled.

    One that was about to begin thaws the guest and removes what was made for it.
    """
    for worker in [worker for worker in workers if worker.group == POINTS]:
        with contextlib.suppress(WorkerCancelled, WorkerFailed):
            await worker.wait()
