"""Looks at backup targets without ever waiting for a dead file system."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable

from tui.backup.target import TargetFacts
from tui.host.process import QemuProcess
from tui.host.target import look_at_target

log = logging.getLogger(__name__)


class Sight:
    """Looks at one target after the other, each in a thread that may hang without harm.

    Args:
        patience: seconds after which what is not seen counts as unknown.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._under_way: asyncio.Future[TargetFacts] | None = None

    async def look(
        self, target: object, process: QemuProcess | None, disks: Iterable[str]
    ) -> TargetFacts | None:
        """What can be seen of a target; None where it is no path, or nothing is seen in time."""
        if not isinstance(target, str) or not target:
            return None
        try:
            async with asyncio.timeout(self._patience):
                # A dead network mount holds a thread for ever: one is enough.
                while self._under_way is not None and not self._under_way.done():
                    await asyncio.wait({self._under_way})
                self._under_way = _in_thread(lambda: look_at_target(target, process, disks))
                return await asyncio.shield(self._under_way)
        except TimeoutError:
            log.warning("nothing is seen of %r within %s s", target, self._patience)
            return None


def _in_thread(look: Callable[[], TargetFacts]) -> asyncio.Future[TargetFacts]:
    """Run `look` in a daemon thread: unlike a pool's, it never holds up the program's end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[TargetFacts] = loop.create_future()
    # Nobody may be waiting any more when it fails.
    future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def tell(facts: TargetFacts | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        elif facts is not None:
            future.set_result(facts)

    def run() -> None:
        facts, failure = None, None
        try:
            facts = look()
        except Exception as error:  # noqa: BLE001 - it is raised where the look is awaited
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, facts, failure)

    threading.Thread(target=run, name="look at a target", daemon=True).start()
    return future
