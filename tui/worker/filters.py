"""Takes what a backup with fleecing has put on a disk off again, whoever put it there."""

import asyncio
import contextlib
import logging

from tui.backup.fleece import switched
from tui.qmp.errors import CommandRefused, QmpError
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession
from tui.vm.graph import Graph
from tui.vm.target_nodes import is_filter, is_switch, turn_of

log = logging.getLogger(__name__)

_BELOW = "file"


async def take_off(session: QmpSession, filter_node: str, deadline: float) -> str | None:
    """Have the device stand on its disk again; tells in a sentence what is in the way.

    To name the node that a device stands on already kills QEMU, so two clients must never do this
    at once: a node stands for whose turn it is.

    Raises:
        NotAnswering, ConnectionLost: as `QmpSession.execute`.
    """
    ask = Queries(session, deadline)
    graph = Graph(await ask.graph())
    if filter_node not in graph.names:
        return None
    disk = _disk(graph, filter_node)
    turn = turn_of(filter_node)
    added = {"driver": "null-co", "size": 0, "node-name": turn}
    try:
        await session.execute("blockdev-add", added, timeout=deadline)
    except CommandRefused as refusal:
        return f"another client takes the filter off, or had begun to ({refusal.desc})"
    try:
        for block in await ask.blocks():
            if block.inserted is None or block.inserted.node_name != filter_node:
                continue
            if block.qdev is None or disk is None:
                return "nothing tells which device stands on the filter"
            if is_switch(filter_node):
                # The filter lets nobody else write to the disk as long as anything stands on it.
                options = {"options": [switched(filter_node, disk)]}
                await session.execute("blockdev-reopen", options, timeout=deadline)
            back = {"path": block.qdev, "property": "drive", "value": disk}
            await session.execute("qom-set", back, timeout=deadline)
    except CommandRefused as refusal:
        return refusal.desc
    finally:
        # Also who is cancelled gives the turn back; a line that is lost cannot.
        with contextlib.suppress(QmpError):
            await asyncio.shield(
                session.execute("blockdev-del", {"node-name": turn}, timeout=deadline)
            )
    return None


def _disk(graph: Graph, node: str | None) -> str | None:
    """The disk's own node, below all that was put on it."""
    while node is not None and is_filter(node):
        node = graph.child(node, _BELOW)
    return node
