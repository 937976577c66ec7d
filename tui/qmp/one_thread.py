"""A thread for a library whose calls block: one call after the other, none holds up the program."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class OneThread:
    """Runs calls in their order, in a daemon thread: one that never returns is left behind."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    async def run(self, call: Callable[[], T]) -> T:
        """What the call returns or raises. Who stops waiting for it does not stop the call."""
        return await self._submit(call)

    def end(self, call: Callable[[], None]) -> asyncio.Future[None]:
        """End after a last call, which comes behind all the others and must not fail."""
        over = self._submit(call)
        self._calls.put(None)
        return over

    def _submit(self, call: Callable[[], T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def tell(result: Callable[[], None]) -> None:
            # Where the loop is closed there is nobody left to tell.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(lambda: None if future.done() else result())

        def work() -> None:
            try:
                value = call()
            except Exception as error:  # noqa: BLE001 - it is raised where the call is awaited
                failure = error
                tell(lambda: future.set_exception(failure))
            else:
                tell(lambda: future.set_result(value))

        self._calls.put(work)
        return future

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
