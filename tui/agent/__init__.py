"""The QEMU guest agent: the guest's file systems at rest for the moment of a backup's start.

    async with frozen(path, limit=5.0) as freeze:
        ...  # the transaction: what it begins is of one point in time, with clean file systems
    freeze.seconds  # how long they were frozen

`frozen` raises an `AgentError` where they cannot be frozen in time; they are thawed then. It raises
`FreezeLapsed` after its block where they were thawed before the block ended (the limit passed, or
somebody else thawed them): what was begun in it is no better than without. The guest is thawed on
every way out. While it is frozen a second process holds the same line to the agent (`watchdog`): it
thaws the guest when this process ends however it ends, hangs, or is stopped.

A guest that is paused cannot answer: ask for its run state first, and do not freeze it.

`qemu.qmp` is not made for the agent, which greets nobody, may answer without ids, and is brought to
a known state by a byte that is no JSON.
"""

from tui.agent.errors import (
    AgentError,
    AgentGarbage,
    AgentRefused,
    AgentSilent,
    FreezeLapsed,
    FrozenAlready,
    NoAgent,
    NotThawed,
)
from tui.agent.freeze import Freeze, Freezer, ask_status, frozen, thaw

__all__ = [
    "AgentError",
    "AgentGarbage",
    "AgentRefused",
    "AgentSilent",
    "Freeze",
    "FreezeLapsed",
    "Freezer",
    "FrozenAlready",
    "NoAgent",
    "NotThawed",
    "ask_status",
    "frozen",
    "thaw",
]
