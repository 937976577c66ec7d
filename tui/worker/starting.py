"""The start of a job, told to the tracker step by step."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tui.backup.arguments import DRIVE_BACKUP, Json
from tui.backup.arguments import command as as_command
from tui.backup.plan import Plan
from tui.qmp.errors import CommandRefused, QmpError
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession
from tui.vm.job import Job
from tui.whole import whole
from tui.worker.blockdev import TargetNodes
from tui.worker.requests import Requests
from tui.worker.state import VmState

log = logging.getLogger(__name__)


class Starter:
    """Starts jobs.

    Args:
        state: whom it is told to.
        nodes: makes the targets of the way by nodes.
        requests: keeps what is asked for.
        deadline: seconds for each command.
    """

    def __init__(
        self, state: VmState, nodes: TargetNodes, requests: Requests, deadline: float
    ) -> None:
        self._state = state
        self._requests = requests
        self._nodes = nodes
        self._deadline = deadline

    async def start(self, session: QmpSession, arguments: Mapping[str, Json]) -> str:
        """Start a `drive-backup`; returns the job's id.

        Raises:
            QmpError: as `VmWorker.start`.
        """
        sent = as_command(DRIVE_BACKUP, arguments)
        return await self._send(session, self._state.snapshot.job_to_be(arguments), sent)

    async def start_by_nodes(
        self, session: QmpSession, arguments: Mapping[str, Json], plan: Plan
    ) -> str:
        """Make the target's nodes, then start a `blockdev-backup`; returns the job's id.

        Raises:
            QmpError: as `VmWorker.start`.
        """
        job = self._state.snapshot.job_to_be(arguments)
        job = replace(job, target_open=True, target_nodes=plan.nodes)
        await self._nodes.prepare(session, plan)
        await self._nodes.enter(session, plan)
        try:
            return await self._send(session, job, plan.job)
        except CommandRefused:
            await whole(self._nodes.give_up(session, plan))
            raise
        except asyncio.CancelledError:
            await whole(self._take_back(session, job.id, plan))
            raise
        finally:
            self._nodes.hand_over(plan)

    async def _take_back(self, session: QmpSession, job_id: str, plan: Plan) -> None:
        """Remove the nodes of a job that did not come to be; what QEMU has begun keeps its own."""
        try:
            jobs = await Queries(session, self._deadline).jobs()
        except QmpError as error:
            log.info("the nodes of %s are left to the next sweep: %s", job_id, error)
            return
        if all(job.id != job_id for job in jobs):
            await self._nodes.give_up(session, plan)

    async def start_together(
        self, session: QmpSession, transaction: Mapping[str, Any], started: Mapping[str, Plan]
    ) -> None:
        """Send a transaction that starts a job for each plan, all or none; targets are prepared.

        Args:
            transaction: the command.
            started: the plan of each disk, by the title of its device.

        Raises:
            CommandRefused: nothing runs.
            NotAnswering, ConnectionLost: what runs is not known.
        """
        tracker = self._state.tracker
        jobs = [self._part(title, plan, transaction) for title, plan in started.items()]
        for job in jobs:
            tracker.expect(job)
        try:
            arguments = transaction["arguments"]
            await session.execute("transaction", arguments, timeout=self._deadline)
        except CommandRefused:
            for job in jobs:
                tracker.refused(job.id)
            raise
        except BaseException:
            for job in jobs:
                tracker.unsure(job.id)
            raise
        for job in jobs:
            tracker.accepted(job.id)

    def _part(self, title: str, plan: Plan, transaction: Mapping[str, Any]) -> Job:
        job = self._state.snapshot.job_to_be(plan.job["arguments"])
        target = plan.prepare[0]["arguments"]["options"]["filename"]
        return replace(
            job,
            device=title,
            target=str(target),
            target_open=True,
            target_nodes=plan.nodes,
            command=transaction,
        )

    async def _send(self, session: QmpSession, job: Job, command: Mapping[str, Any]) -> str:
        tracker = self._state.tracker
        try:
            await self._requests.keep(job, command)
        except asyncio.CancelledError:
            await whole(self._requests.forget(job.id))
            raise
        tracker.expect(replace(job, command=command))
        try:
            await session.execute(command["execute"], command["arguments"], timeout=self._deadline)
        except CommandRefused:
            tracker.refused(job.id)
            await self._requests.forget(job.id)
            raise
        except BaseException:
            # Also who is cancelled while QEMU works on it does not know.
            tracker.unsure(job.id)
            raise
        tracker.accepted(job.id)
        return job.id
