"""What was written to a disk since the last point of its chain, served beside the disk."""

import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from tui.chain.manifest import Chain, bitmap_name
from tui.qmp.errors import QmpError
from tui.vm.snapshot import Medium
from tui.whole import whole

log = logging.getLogger(__name__)

MARKS = "blockdeck-compare-marks"
"""The id of the export, and the bitmap that it tells by."""

_NAME = "marks"


class Marks:
    """A copy of the bitmap of a chain, as it is at one moment.

    Args:
        look: a disk of a chain with its bitmaps, as `Serving.look`.
        send: sends a command.
        end_export: ends an export, and sees it gone.
    """

    def __init__(
        self,
        look: Callable[[Chain, str], Awaitable[tuple[Medium, int]]],
        send: Callable[[str, dict[str, Any]], Awaitable[None]],
        end_export: Callable[[str], Awaitable[None]],
    ) -> None:
        self._look = look
        self._send = send
        self._end_export = end_export
        self._nodes: set[str] = set()

    @contextlib.asynccontextmanager
    async def served(self, chain: Chain, name: str, socket: Path) -> AsyncIterator[str]:
        """What was written to a disk since the last point and up to now, by a server that runs.

        It is the name of an image that has no data where something was written.

        Raises:
            NotPossible: the bitmap of that point does not tell.
            QmpError: QEMU refused, or did not answer.
        """
        medium, _ = await self._look(chain, name)
        node, last = medium.node_name, chain.last
        assert last is not None  # by `recorded_since_last`
        bitmap = next(b for b in medium.bitmaps if b.name == bitmap_name(chain.id, last.serial))
        # What records cannot be served to who only reads; and no write is under way meanwhile.
        added = {"node": node, "name": MARKS, "granularity": bitmap.granularity, "disabled": True}
        merged = {"node": node, "target": MARKS, "bitmaps": [bitmap.name]}
        actions = [
            {"type": "block-dirty-bitmap-add", "data": added},
            {"type": "block-dirty-bitmap-merge", "data": merged},
        ]
        self._nodes.add(node)
        try:
            await self._send("transaction", {"actions": actions})
            export = {"type": "nbd", "id": MARKS, "node-name": node, "name": _NAME}
            await self._send("block-export-add", {**export, "bitmaps": [MARKS]})
            yield _image(socket)
        finally:
            await whole(self._end(node))

    async def forget_old(self, medium: Medium) -> None:
        """Remove what a BlockDeck that was killed has left on a disk."""
        if any(bitmap.name == MARKS for bitmap in medium.bitmaps):
            await self._forget(medium.node_name)

    async def settle(self) -> None:
        """Leave none behind, whoever still reads by them."""
        for node in tuple(self._nodes):
            await self._forget(node)

    async def _end(self, node: str) -> None:
        try:
            await self._end_export(MARKS)
        except QmpError as error:
            # It ends with the server.
            log.info("%s is served on: %s", MARKS, error)
        await self._forget(node)

    async def _forget(self, node: str) -> None:
        try:
            await self._send("block-dirty-bitmap-remove", {"node": node, "name": MARKS})
        except QmpError as error:
            log.info("%s on %s: %s", MARKS, node, error)
        self._nodes.discard(node)


def _image(socket: Path) -> str:
    server = {"type": "unix", "path": str(socket)}
    known_by = f"qemu:dirty-bitmap:{MARKS}"
    options = {"driver": "nbd", "server": server, "export": _NAME, "x-dirty-bitmap": known_by}
    return f"json:{json.dumps(options)}"
