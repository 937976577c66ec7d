"""QEMU itself as the referee: a dry run of a backup that leaves nothing behind."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tui.backup.arguments import BLOCKDEV_BACKUP, DRIVE_BACKUP, Json
from tui.qmp.errors import CommandRefused, CommandUnsendable
from tui.qmp.models import QmpEvent
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession
from tui.vm.snapshot import DRY_RUN_PREFIX
from tui.worker.state import VmState

if TYPE_CHECKING:
    # What judges is imported by the first dry run.
    from tui.backup.source import Source
    from tui.backup.verdict import Verdict
    from tui.qmp.schema import QmpSchema

log = logging.getLogger(__name__)

_ACCEPTED = "Transaction aborted using Abort action"
_INSIDE = "actions[0].data."
_OTHER_SIZE = "Source and target image have different sizes"
_OF_THE_TARGET = ("target", "format", "mode")
_NOT_OF_A_DRY_RUN = frozenset({"X1", "X2", "X3"})
"""Dangers of `drive-backup`'s way with its target, and of a job that is kept when it is over."""

_PARTING_SECONDS = 0.5


class Referee:
    """Asks QEMU what it would say to a backup.

    A `transaction` of `blockdev-backup` onto a `null-co` node and of `abort` is checked like the
    real thing and always undone. The job that comes and goes meanwhile is kept out of sight.

    Args:
        state: where the disks are, and whom events that were kept in vain are given to.
        deadline: seconds for each command.
        pass_on: takes an event that was no dry run's after all.

    Attributes:
        turn: held during a dry run, and to be held by who starts a job.
    """

    def __init__(
        self, state: VmState, deadline: float, pass_on: Callable[[QmpEvent], None]
    ) -> None:
        self._state = state
        self._deadline = deadline
        self._pass_on = pass_on
        self.turn = asyncio.Lock()
        self._under_way: set[asyncio.Task[str | None]] = set()
        self._hidden: str | None = None
        self._kept: list[QmpEvent] = []

    def keeps(self, event: QmpEvent) -> bool:
        """Whether an event is a dry run's, and nobody else is to see it."""
        data = event.data
        if event.event != "JOB_STATUS_CHANGE" or data.get("id") != self._hidden:
            return False
        # A job that is there already has the same id without being created.
        if not self._kept and data.get("status") != "created":
            return False
        self._kept.append(event)
        return True

    async def ask(
        self, session: QmpSession, schema: "QmpSchema", arguments: Mapping[str, Json]
    ) -> str | None:
        """QEMU's refusal in its own words; None where it accepts, or is not to be asked.

        What only the target's file decides stays open. Who stops waiting does not stop the dry
        run: it is always brought to its end.

        Raises:
            QmpError: no answer, or the line was lost.
        """
        if self._state.snapshot.read_only:
            # A dry run is no question: it adds a node, and takes it away.
            return None
        run = self._in_turn(session, schema, dict(arguments))
        task = asyncio.create_task(run, name="dry run")
        self._under_way.add(task)
        task.add_done_callback(self._over)
        return await asyncio.shield(task)

    async def settle(self) -> None:
        """Let a dry run that is under way end, or leave after half a second."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_PARTING_SECONDS)

    def _over(self, task: "asyncio.Task[str | None]") -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Nobody may be waiting for it any more.
            log.info("a dry run came to nothing: %s", error)

    async def _in_turn(
        self, session: QmpSession, schema: "QmpSchema", arguments: dict[str, Json]
    ) -> str | None:
        async with self.turn:
            if not _can_ask(schema) or not self._may_ask(schema, arguments):
                return None
            said = await self._run(session, arguments)
            if said == _OTHER_SIZE or (said is not None and DRY_RUN_PREFIX in said):
                # The disk was resized, or another BlockDeck swept our node away.
                await self._state.poll_inventory(Queries(session, self._deadline))
                said = await self._run(session, arguments)
            # What is said of our own node says nothing of the arguments.
            return None if said is not None and DRY_RUN_PREFIX in said else said

    def _may_ask(self, schema: "QmpSchema", arguments: Mapping[str, Json]) -> bool:
        """Whether asking cannot hurt: what kills QEMU kills it in a dry run, too."""
        from tui.backup.judge import judge

        if self._is_busy(arguments):
            return False
        verdict = judge(arguments, self._state.snapshot, schema, None, DRIVE_BACKUP)
        return worth_asking(verdict, but_for=_NOT_OF_A_DRY_RUN)

    def _is_busy(self, arguments: Mapping[str, Json]) -> bool:
        """Whether a job runs, or is about to, on the disk or on one that is not known yet.

        QEMU 7.2 dies (`bdrv_do_drained_end`: `quiesce_counter > 0`) when the job of a disk ends
        while a second backup of it is being refused. Unlike the list of disks, that of jobs knows
        of ours before they are sent and of others' by their first event.
        """
        source = self._source(arguments)
        key = source.device.key if source.device else None
        jobs = self._state.snapshot.live_jobs
        return any(key is None or job.device_key in (None, key) for job in jobs)

    def _source(self, arguments: Mapping[str, Json]) -> "Source":
        from tui.backup.source import find_source

        device = arguments.get("device")
        return find_source(self._state.snapshot, device if isinstance(device, str) else None)

    async def _run(self, session: QmpSession, arguments: Mapping[str, Json]) -> str | None:
        await self._sweep(session)
        source = self._source(arguments)
        node = f"{DRY_RUN_PREFIX}{secrets.token_hex(6)}"
        added = {"driver": "null-co", "node-name": node, "size": source.virtual_size or 0}
        try:
            await session.execute("blockdev-add", added, timeout=self._deadline)
            return await self._transact(session, node, arguments)
        finally:
            # Also where it is not known whether it was added.
            await self._remove(session, node)

    async def _transact(
        self, session: QmpSession, node: str, arguments: Mapping[str, Json]
    ) -> str | None:
        data = {name: value for name, value in arguments.items() if name not in _OF_THE_TARGET}
        if isinstance(data.get("compress"), bool):
            # null-co cannot compress; whether the real target can is for the rules.
            del data["compress"]
        actions = [
            {"type": BLOCKDEV_BACKUP, "data": {**data, "target": node}},
            {"type": "abort", "data": {}},
        ]
        self._hidden = self._state.snapshot.job_to_be(arguments).id
        try:
            await session.execute("transaction", {"actions": actions}, timeout=self._deadline)
        except CommandUnsendable:
            raise
        except CommandRefused as refusal:
            said = refusal.desc.replace(_INSIDE, "")
            return None if said == _ACCEPTED else said
        finally:
            self._reveal()
        return None

    def _reveal(self) -> None:
        """Look at events again; those of a job that stayed were no dry run's."""
        kept, self._kept, self._hidden = self._kept, [], None
        if kept and kept[-1].data.get("status") != "null":
            for event in kept:
                self._pass_on(event)

    async def _sweep(self, session: QmpSession) -> None:
        """Remove what a BlockDeck that was killed left behind."""
        for name in self._state.snapshot.graph.names:
            if name.startswith(DRY_RUN_PREFIX):
                await self._remove(session, name)

    async def _remove(self, session: QmpSession, node: str) -> None:
        try:
            await session.execute("blockdev-del", {"node-name": node}, timeout=self._deadline)
        except CommandRefused as refusal:
            log.info("removing %s: %s", node, refusal)


def worth_asking(verdict: "Verdict", but_for: frozenset[str] = frozenset()) -> bool:
    """Whether QEMU's answer would tell something, and asking is safe.

    A busy disk is refused in any case, and a danger that nobody can pass might kill QEMU.
    """
    from tui.backup.verdict import Severity

    for finding in verdict.findings:
        if finding.rule == "D-BUSY" and finding.severity is Severity.REFUSES:
            return False
        hard = finding.severity is Severity.DANGER and not finding.override
        if hard and finding.rule not in but_for:
            return False
    return True


def _can_ask(schema: "QmpSchema") -> bool:
    commands = ("transaction", BLOCKDEV_BACKUP, "blockdev-add", "blockdev-del")
    known = all(schema.has_command(command) for command in commands)
    return known and "null-co" in schema.block_drivers()
