"""The `query-*` commands BlockDeck asks, each with its typed reply and a deadline."""

from collections.abc import Mapping
from dataclasses import dataclass

from tui.qmp.errors import CommandRefused
from tui.qmp.models import (
    BlockDeviceInfo,
    BlockInfo,
    BlockJobInfo,
    BlockStats,
    JobInfo,
    NameInfo,
    StatusInfo,
    UuidInfo,
    XDbgBlockGraph,
    each,
)
from tui.qmp.session import QmpSession


@dataclass(frozen=True, slots=True)
class Queries:
    """Typed questions to one session.

    Every method raises `QmpError` (no answer in `deadline` seconds, connection lost, refused) and
    `pydantic.ValidationError` when the reply is not what the QAPI schema says.
    """

    session: QmpSession
    deadline: float

    async def name(self) -> str:
        """The VM's name, "" if it has none (`query-name`)."""
        return NameInfo.model_validate(await self._ask("query-name")).name or ""

    async def uuid(self) -> str:
        """The VM's UUID, zeros if none was set (`query-uuid`)."""
        return UuidInfo.model_validate(await self._ask("query-uuid")).UUID

    async def run_state(self) -> str:
        """The `RunState` (`query-status`)."""
        return StatusInfo.model_validate(await self._ask("query-status")).status

    async def jobs(self) -> tuple[JobInfo, ...]:
        """All jobs (`query-jobs`)."""
        return each(JobInfo, await self._ask("query-jobs"))

    async def block_jobs(self) -> tuple[BlockJobInfo, ...]:
        """The block jobs, with speed and io-status (`query-block-jobs`)."""
        return each(BlockJobInfo, await self._ask("query-block-jobs"))

    async def blocks(self) -> tuple[BlockInfo, ...]:
        """Devices and named backends (`query-block`)."""
        return each(BlockInfo, await self._ask("query-block"))

    async def named_nodes(self) -> tuple[BlockDeviceInfo, ...]:
        """All named nodes (`query-named-block-nodes`). Deadly to QEMU 5.2 at times: danger X2."""
        return each(BlockDeviceInfo, await self._ask("query-named-block-nodes", {"flat": True}))

    async def graph(self) -> XDbgBlockGraph | None:
        """The block graph; None where this QEMU lacks the unstable command."""
        try:
            reply = await self._ask("x-debug-query-block-graph")
        except CommandRefused:
            return None
        return XDbgBlockGraph.model_validate(reply)

    async def stats(self) -> tuple[BlockStats, ...]:
        """I/O totals of the devices (`query-blockstats`)."""
        return each(BlockStats, await self._ask("query-blockstats"))

    async def _ask(self, command: str, arguments: Mapping[str, object] | None = None) -> object:
        return await self.session.execute(command, arguments, timeout=self.deadline)
