"""Backups of the disks of one VM: judged, tried and started."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tui.backup.arguments import DRIVE_BACKUP, Json
from tui.backup.target_io import TargetIo
from tui.backup.way import Way
from tui.qmp.errors import CommandRefused
from tui.qmp.session import QmpSession
from tui.vm.care import Wishes
from tui.worker.parts import Parts

if TYPE_CHECKING:
    from tui.backup.plan import Plan
    from tui.backup.target import TargetFacts
    from tui.backup.verdict import Verdict


class Backups(Parts):
    """What is asked and sent before a backup runs."""

    async def judge(
        self,
        arguments: Mapping[str, Json],
        *,
        command: str = DRIVE_BACKUP,
        way: Way = Way.DRIVE,
        fleece: str = "",
        target_io: TargetIo = TargetIo.WRITEBACK,
        fresh: bool = False,
    ) -> "Verdict":
        """Judge arguments against the VM as it is; `fresh` asks QEMU again first.

        The arguments are those of the command, whatever the way in which it is carried out.
        `fleece` is the directory that saves what the guest overwrites, if any, and `target_io` how
        a target that is a node is written to.

        Raises:
            QmpError: there is no connection, or the fresh look failed.
        """
        from tui.backup.judge import judge

        session = self._connected()
        if fresh:
            await self.refresh()
        schema = await self._schema(session)
        of_file = command == DRIVE_BACKUP
        facts = await self.look_at(arguments.get("target")) if of_file else None
        saved_to = await self._look_at_fleece(fleece, arguments)
        return judge(
            arguments,
            self.snapshot,
            schema,
            facts,
            command=command,
            way=way,
            fleece=saved_to,
            target_io=target_io,
        )

    async def look_at(self, target: object) -> "TargetFacts | None":
        """What can be seen of a backup target; None where it is no path or nothing can be seen."""
        return await self._sight.look(target, self.process, self._state.filenames)

    async def _look_at_fleece(
        self, directory: str, arguments: Mapping[str, Json]
    ) -> "TargetFacts | None":
        """What can be seen of the image that a backup would fleece to; None where it would not."""
        if not directory:
            return None
        from tui.backup.fleece import fleece_path
        from tui.backup.target import TargetFacts

        path = fleece_path(directory, self._state.snapshot.job_to_be(arguments).id)
        return await self.look_at(path) or TargetFacts(path=path)

    async def referee(self, arguments: Mapping[str, Json]) -> str | None:
        """QEMU's own refusal of a backup, found by a dry run; None where it has none.

        Raises:
            QmpError: QEMU could not be asked.
        """
        session = self._connected()
        schema = await self._schema(session)
        return await self._referee.ask(session, schema, arguments)

    async def start(
        self,
        arguments: Mapping[str, Json],
        *,
        way: Way = Way.DRIVE,
        fleece: str = "",
        target_io: TargetIo = TargetIo.WRITEBACK,
        warnings: tuple[str, ...] = (),
        wishes: Wishes = Wishes(),
    ) -> str:
        """Start a backup and return its job id. A dry run comes first.

        Args:
            arguments: those of `drive-backup`, whatever the way.
            way: how it is carried out.
            fleece: the directory on fast storage where what the guest overwrites meanwhile is
                saved, if anywhere; only by nodes.
            target_io: how the target is written to; only by nodes.
            warnings: what was said against it; kept for its report.
            wishes: what is done for it while it runs.

        Raises:
            CommandRefused: QEMU said no; nothing runs.
            ReadOnly: nothing may be started.
            NotAnswering: the deadline passed; the next poll tells whether it runs.
            ConnectionLost: the line was lost before the answer.
        """
        from tui.records.request import BackupRequest

        session = self._connected()
        self._gate.check(way.value)
        refusal = await self.referee(arguments)
        if refusal is not None:
            raise CommandRefused(way.value, "GenericError", refusal)
        request = BackupRequest(arguments=arguments, way=way.value, warnings=warnings)
        job = self._state.snapshot.job_to_be(arguments)
        self._requests.remember(job.id, request)
        self._care.wish(job, wishes)
        try:
            # A dry run between the command and its answer could kill QEMU.
            async with self._referee.turn:
                if way is Way.BLOCKDEV:
                    plan = await self._plan(session, arguments, fleece, target_io)
                    job_id = await self._starter.start_by_nodes(session, arguments, plan)
                else:
                    job_id = await self._starter.start(session, arguments)
            if wishes.cancel_before_full:
                # It may copy a gigabyte a second.
                await self._care.at_once(session)
            return job_id
        except CommandRefused:
            self._care.forget(job.id)
            raise
        finally:
            self._look_again()

    async def _plan(
        self,
        session: QmpSession,
        arguments: Mapping[str, Json],
        fleece: str,
        target_io: TargetIo,
    ) -> "Plan":
        from tui.backup.judge import plan_for

        schema = await self._schema(session)
        if fleece:
            # The filter of the backup before may have been taken off just now.
            await self.refresh()
        facts = await self.look_at(arguments.get("target"))
        saved_to = await self._look_at_fleece(fleece, arguments)
        return plan_for(arguments, self.snapshot, schema, facts, saved_to, target_io)
