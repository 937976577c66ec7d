"""Asks a free monitor how its VM is, and lets go of it at once.

A monitor serves one client at a time, so every moment here is one in which somebody else waits.
"""

from pydantic import BaseModel, ConfigDict

from tui.discovery.models import FoundDisk, MonitorState
from tui.qmp.address import MonitorAddress
from tui.qmp.errors import (
    CommandRefused,
    ConnectFailure,
    MonitorBusy,
    NobodyListens,
    NoSuchSocket,
    NotASocket,
    NotQmp,
    PermissionRefused,
    Reserved,
)
from tui.qmp.gate import Gate
from tui.qmp.line import Line
from tui.qmp.models import BlockInfo, QmpEvent
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession
from tui.vm.filenames import file_behind

GREETING_SECONDS = 1.0
"""How long a monitor may take to greet; a QEMU that is well takes a few milliseconds."""

ANSWER_SECONDS = 1.0

_STATES: tuple[tuple[type[ConnectFailure], MonitorState], ...] = (
    (MonitorBusy, MonitorState.BUSY),
    (NobodyListens, MonitorState.DEAD),
    (NoSuchSocket, MonitorState.DEAD),
    (NotASocket, MonitorState.DEAD),
    (PermissionRefused, MonitorState.NO_PERMISSION),
    (Reserved, MonitorState.MANAGED),
    (NotQmp, MonitorState.NOT_QMP),
)


class Told(BaseModel):
    """What a QEMU said of itself; None where it does not know the question."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    version: str
    name: str | None = None
    uuid: str | None = None
    run_state: str | None = None
    disks: tuple[FoundDisk, ...] = ()


async def ask(address: MonitorAddress, line: Line | None = None) -> Told:
    """Connect, ask what takes a millisecond to answer, leave.

    Nothing is sent before the greeting, so that a monitor which another client has taken in the
    meantime never comes to read anything of ours.

    Args:
        line: one that is open already; it is closed in any case.

    Raises:
        ConnectFailure: there was no greeting.
        QmpError: an answer did not come in time, or the connection broke.
    """
    session = await QmpSession.connect(
        address,
        on_event=_ignore,
        timeout=GREETING_SECONDS,
        gate=Gate(read_only=True),
        ping=False,
        line=line,
    )
    async with session:
        queries = Queries(session, ANSWER_SECONDS)
        version = str(session.greeting.version.qemu)
        try:
            run_state = await queries.run_state()
        except CommandRefused:
            # A storage daemon has no guest, and so neither a state nor a name.
            return Told(version=version)
        return Told(
            version=version,
            run_state=run_state,
            name=await queries.name(),
            uuid=await queries.uuid(),
            disks=tuple(_disk(block) for block in await queries.blocks() if _is_disk(block)),
        )


def state_of(failure: ConnectFailure) -> MonitorState:
    """How a monitor stands that could not be connected to."""
    return next((s for kind, s in _STATES if isinstance(failure, kind)), MonitorState.SILENT)


def _ignore(_: QmpEvent) -> None:
    """Events come to every client; these are for others."""


def _is_disk(block: BlockInfo) -> bool:
    return block.inserted is not None


def _disk(block: BlockInfo) -> FoundDisk:
    inserted = block.inserted
    node = inserted.node_name if inserted else None
    file = file_behind(inserted.file) if inserted else ""
    if inserted and file.startswith("json:"):
        # There is no file behind it.
        file = inserted.drv
    return FoundDisk(name=block.device or block.qdev or node or "", file=file)
