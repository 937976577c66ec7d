"""Tests that look at the whole machine, and tests whose VMs must not be looked at, take turns.

A BlockDeck that looks for VMs asks every free monitor of this machine for a moment, also those of a
test in another worker, to which the monitor then is busy, and whose log tells of one more client.
So there is one lock for all workers, and for all checkouts of a user: whoever looks shares it,
whoever counts on being left alone has it alone. It is not to be taken twice by one process.
"""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PLACE = Path(tempfile.gettempdir())
"""The same for all workers."""


@contextlib.contextmanager
def looking(place: Path = _PLACE) -> Iterator[None]:
    """While all monitors of this machine may be asked."""
    with _turn(place, fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def left_alone(place: Path = _PLACE) -> Iterator[None]:
    """While nobody but this test looks for VMs."""
    with _turn(place, fcntl.LOCK_EX):
        yield


@contextlib.contextmanager
def _turn(place: Path, kind: int) -> Iterator[None]:
    """Hold the lock, after all those who have waited for it longer."""
    with _opened(place, "queue") as queue, _opened(place, "turn") as turn:
        # Whoever waits for the turn holds the head of the queue, so that one worker which takes
        # turn after turn does not keep the others from theirs.
        fcntl.flock(queue, fcntl.LOCK_EX)
        fcntl.flock(turn, kind)
        fcntl.flock(queue, fcntl.LOCK_UN)
        yield


@contextlib.contextmanager
def _opened(place: Path, name: str) -> Iterator[int]:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(place / f"blockdeck-tests-{os.geteuid()}-{name}", flags, 0o600)
    try:
        yield file
    finally:
        os.close(file)
