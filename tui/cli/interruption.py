"""Signals that end the watch over a backup and not the backup, or what leads to one."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruption() -> Iterator[asyncio.Event]:
    """An event that Ctrl-C, SIGTERM or SIGHUP sets; none of them ends the program by itself."""
    loop = asyncio.get_running_loop()
    interrupted = asyncio.Event()
    for number in _SIGNALS:
        loop.add_signal_handler(number, interrupted.set)
    try:
        yield interrupted
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


@contextmanager
def cancelled_by_signals() -> Iterator[None]:
    """Ctrl-C, SIGTERM or SIGHUP cancels the task that is in the block, and nothing else.

    What that task still has to clear away is cleared away.
    """
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
