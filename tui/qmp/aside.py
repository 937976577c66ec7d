"""Work that may hang for ever, done aside."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_MOST_IDLE = 4
"""So many threads are kept for the work to come; there are as many as works that hang or run."""

_IDLE_SECONDS = 30.0
_Work = tuple[str, Callable[[], None]]

_idle: list["queue.SimpleQueue[_Work]"] = []
_turn = threading.Lock()


def aside(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Run `work` in a daemon thread: unlike a pool's, it never holds up the program's end.

    Another work never waits for it. A thread that is done waits for a while to be used again, for
    to start one holds up the event loop longer than most works take.
    """
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

    with _turn:
        hand = _idle.pop() if _idle else None
    if hand is None:
        hand = queue.SimpleQueue()
        threading.Thread(target=_serve, args=(hand,), name=name, daemon=True).start()
    hand.put((name, run))
    return future


def _serve(works: "queue.SimpleQueue[_Work]") -> None:
    """Do one work after the other, until none has come for a while."""
    thread = threading.current_thread()
    name, run = works.get()
    while True:
        thread.name = name
        run()
        # What it has done is not held on to while it waits.
        del run
        thread.name = "idle"
        with _turn:
            if len(_idle) >= _MOST_IDLE:
                return
            _idle.append(works)
        try:
            name, run = works.get(timeout=_IDLE_SECONDS)
        except queue.Empty:
            with _turn:
                if works in _idle:
                    _idle.remove(works)
                    return
            # Somebody has just taken it, so that a work is on its way.
            name, run = works.get()
