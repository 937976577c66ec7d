"""Looks at backup targets without ever waiting for a dead file system."""

import asyncio
import logging
from collections.abc import Iterable

from tui.backup.target import TargetFacts
from tui.host.process import QemuProcess
from tui.host.target import look_at_target
from tui.qmp.aside import aside

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
                self._under_way = aside(
                    lambda: look_at_target(target, process, disks), "look at a target"
                )
                return await asyncio.shield(self._under_way)
        except TimeoutError:
            log.warning("nothing is seen of %r within %s s", target, self._patience)
            return None
