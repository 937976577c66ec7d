"""Completes a path as the host of QEMU has it, where that can be seen."""

import asyncio
from collections.abc import Callable

from textual.suggester import Suggester

from tui.host.complete import complete_here, complete_path
from tui.host.process import QemuProcess


class PathSuggester(Suggester):
    """Suggests the first path that begins with what is typed.

    Args:
        process: gives the QEMU whose file system counts; None is one that cannot be seen.
    """

    def __init__(self, process: Callable[[], QemuProcess | None]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._process = process

    async def get_suggestion(self, value: str) -> str | None:
        """What the right arrow would complete."""
        if not value.startswith("/"):
            return None
        found = await asyncio.to_thread(complete_path, value, self._process())
        return found[0] if found else None


class LocalPathSuggester(Suggester):
    """Completes a path as BlockDeck itself sees it."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """What the right arrow would complete."""
        found = await asyncio.to_thread(complete_here, value)
        return found[0] if found else None
