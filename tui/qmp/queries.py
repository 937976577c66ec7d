"""The `query-*` commands BlockDeck asks, each with its typed reply and a deadline."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from tui.qmp.errors import CommandRefused, UnexpectedReply
from tui.qmp.models import (
    BlockDeviceInfo,
    BlockExportInfo,
    BlockInfo,
    BlockJobInfo,
    BlockStats,
    CpuInfoFast,
    JobInfo,
    NameInfo,
    QapiModel,
    StatusInfo,
    UuidInfo,
    XDbgBlockGraph,
    each,
)
from tui.qmp.session import QmpSession

_T = TypeVar("_T", bound=QapiModel)


class Queries:
    """Typed questions to one session.

    Every method raises `QmpError`: no answer in `deadline` seconds, connection lost, refused, or a
    reply that is not what the QAPI schema says.
    """

    def __init__(self, session: QmpSession, deadline: float) -> None:
        self.session = session
        self.deadline = deadline

    async def name(self) -> str:
        """The VM's name, "" if it has none (`query-name`)."""
        return (await self._one(NameInfo, "query-name")).name or ""

    async def uuid(self) -> str:
        """The VM's UUID, zeros if none was set (`query-uuid`)."""
        return (await self._one(UuidInfo, "query-uuid")).UUID

    async def run_state(self) -> str:
        """The `RunState` (`query-status`)."""
        return (await self._one(StatusInfo, "query-status")).status

    async def jobs(self) -> tuple[JobInfo, ...]:
        """All jobs (`query-jobs`)."""
        return await self._each(JobInfo, "query-jobs")

    async def block_jobs(self) -> tuple[BlockJobInfo, ...]:
        """The block jobs, with speed and io-status (`query-block-jobs`)."""
        return await self._each(BlockJobInfo, "query-block-jobs")

    async def blocks(self) -> tuple[BlockInfo, ...]:
        """Devices and named backends (`query-block`)."""
        return await self._each(BlockInfo, "query-block")

    async def named_nodes(self) -> tuple[BlockDeviceInfo, ...]:
        """All named nodes (`query-named-block-nodes`). Deadly to QEMU 5.2 at times: danger X2."""
        return await self._each(BlockDeviceInfo, "query-named-block-nodes", {"flat": True})

    async def cpu_thread(self) -> int | None:
        """The host's thread of the first virtual CPU, which is never unplugged (`query-cpus-fast`).

        None where there is none, as in a storage daemon.
        """
        try:
            cpus = await self._each(CpuInfoFast, "query-cpus-fast")
        except CommandRefused:
            return None
        return min(cpus, key=lambda cpu: cpu.cpu_index).thread_id if cpus else None

    async def graph(self) -> XDbgBlockGraph | None:
        """The block graph; None where this QEMU lacks the unstable command."""
        try:
            return await self._one(XDbgBlockGraph, "x-debug-query-block-graph")
        except CommandRefused:
            return None

    async def exports(self) -> tuple[BlockExportInfo, ...]:
        """What is served to others of this QEMU's disks (`query-block-exports`)."""
        return await self._each(BlockExportInfo, "query-block-exports")

    async def stats(self) -> tuple[BlockStats, ...]:
        """I/O totals of the devices (`query-blockstats`)."""
        return await self._each(BlockStats, "query-blockstats")

    async def _one(self, model: type[_T], command: str) -> _T:
        reply = await self.session.execute(command, timeout=self.deadline)
        try:
            return model.model_validate(reply)
        except ValidationError as error:
            raise _not_understood(command, error) from error

    async def _each(
        self, model: type[_T], command: str, arguments: Mapping[str, object] | None = None
    ) -> tuple[_T, ...]:
        reply = await self.session.execute(command, arguments, timeout=self.deadline)
        try:
            return each(model, reply)
        except ValidationError as error:
            raise _not_understood(command, error) from error


def _not_understood(command: str, error: ValidationError) -> UnexpectedReply:
    first = error.errors()[0]
    return UnexpectedReply(command, f"{first['loc']}: {first['msg']}")
