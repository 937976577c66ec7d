"""Work that may hang for ever, done aside."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def aside(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Run `work` in a daemon thread: unlike a pool's, it never holds up the program's end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    # Nobody may be waiting any more when it fails.
    future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def tell(settle: Callable[[], None]) -> None:
        if not future.cancelled():
            settle()

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - it is raised where the work is awaited
            failure = error
            settle = lambda: future.set_exception(failure)  # noqa: E731
        else:
            settle = lambda: future.set_result(result)  # noqa: E731
        # Where the loop is closed there is nobody left to tell.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, settle)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
