"""Sessions with a QEMU or a scripted peer, closed at the end."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.qmp.peers import Line, Talk, peer
from tui.qmp.address import UnixAddress
from tui.qmp.models import QmpEvent
from tui.qmp.session import QmpSession


@contextlib.asynccontextmanager
async def session_with(path: Path) -> AsyncIterator[tuple[QmpSession, list[QmpEvent]]]:
    """A session and the events it has told so far."""
    events: list[QmpEvent] = []
    address = UnixAddress(path=path)
    async with await QmpSession.connect(address, on_event=events.append) as session:
        yield session, events


@contextlib.asynccontextmanager
async def session_with_peer(place: Path, talk: Talk) -> AsyncIterator[QmpSession]:
    """A session with a peer that greets as QEMU does and then goes on as scripted."""

    async def whole(line: Line) -> None:
        await line.greet()
        await talk(line)

    async with peer(place / "p.sock", whole) as address, session_with(address.path) as (session, _):
        yield session
