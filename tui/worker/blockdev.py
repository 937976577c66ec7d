"""The nodes of a backup: made before its job, removed, and so flushed, after its end."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tui.backup.fleece import is_fleece
from tui.qmp.errors import CommandRefused, NotAnswering, QmpError
from tui.qmp.models import JobInfo, QmpEvent
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession
from tui.vm.job import Job
from tui.vm.snapshot import DRY_RUN_PREFIX
from tui.vm.target_nodes import (
    CREATOR,
    TARGET_PREFIX,
    all_nodes,
    is_filter,
    removal_order,
    stem_of,
    target_nodes,
)
from tui.whole import whole
from tui.worker.filters import take_off
from tui.worker.fleeces import Fleeces, NotDeleted
from tui.worker.pace import Pace
from tui.worker.state import VmState

if TYPE_CHECKING:
    from tui.backup.plan import Plan

log = logging.getLogger(__name__)

_CREATOR_PREFIX = f"{CREATOR}{TARGET_PREFIX}"
_HELD_BY_JOB = "in use by block job"
_OURS = (TARGET_PREFIX, DRY_RUN_PREFIX)
_NO_SUCH_NODE = ("Failed to find node", "Cannot find node")
"""As QEMU says it, the second up to 5.2."""

_LOOK_SECONDS = 0.5
_TRIES = 5


class TargetNodes:
    """Makes and removes the nodes of targets, and of fleecing.

    Args:
        state: which jobs and nodes there are.
        fleeces: deletes the images of fleeces.
        pace: the deadlines.
    """

    def __init__(self, state: VmState, fleeces: Fleeces, pace: Pace) -> None:
        self._state = state
        self._fleeces = fleeces
        self._pace = pace
        self._step = asyncio.Event()
        self._in_use: set[str] = set()
        self._orphans: dict[str, float] = {}
        self._refusals: dict[int, int] = {}

    @property
    def in_use(self) -> frozenset[str]:
        """The nodes of targets that are being made, and have no job yet."""
        return frozenset(self._in_use)

    def keeps(self, event: QmpEvent) -> bool:
        """Whether an event is of the making of an image, which is no job to be listed."""
        data = event.data
        if event.event != "JOB_STATUS_CHANGE":
            return False
        if not str(data.get("id", "")).startswith(_CREATOR_PREFIX):
            return False
        self._step.set()
        return True

    async def prepare(self, session: QmpSession, plan: "Plan") -> None:
        """Make and open the target; of what comes to nothing, no node is left.

        Raises:
            CommandRefused: it cannot be made, in QEMU's words.
            NotAnswering, ConnectionLost: as `QmpSession.execute`.
        """
        self._in_use.update(plan.nodes)
        try:
            # A BlockDeck that was killed may have left a job and nodes of the same names.
            await self._dismiss(session, plan.creator)
            await self.remove(session, plan.nodes)
            await self._fleeces.announce(plan)
            for step in plan.prepare:
                execute, arguments = step["execute"], step["arguments"]
                await session.execute(execute, arguments, timeout=self._pace.command)
                if execute == "blockdev-create":
                    await self._created(session, plan.creator)
                passing = plan.passing.get(arguments.get("node-name", ""))
                if passing is not None:
                    # Nameless, it is gone with QEMU's last hold on it, however that comes about.
                    await self._fleeces.delete(plan, passing)
        except BaseException:
            await whole(self.give_up(session, plan))
            raise

    async def enter(self, session: QmpSession, plan: "Plan") -> None:
        """Take the steps right before the job; of what comes to nothing, no node is left.

        Raises:
            CommandRefused, NotAnswering, ConnectionLost: as `prepare`.
        """
        try:
            for step in plan.enter:
                execute, arguments = step["execute"], step["arguments"]
                await session.execute(execute, arguments, timeout=self._pace.command)
        except BaseException:
            await whole(self.give_up(session, plan))
            raise

    async def give_up(self, session: QmpSession, plan: "Plan") -> bool:
        """No job came to be: remove what was made for it; tells whether QEMU answered."""
        try:
            # While it is made, a file that is deleted could come to be afterwards.
            if await self._concluded(session, plan.creator, self._pace.command) is not None:
                await self._dismiss(session, plan.creator)
            problem = await self.remove(session, plan.nodes)
            if problem is not None:
                log.info("the nodes of a target stay behind: %s", problem)
            for path in plan.passing.values():
                await self._fleeces.delete(plan, path)
        except NotDeleted as error:
            log.info("a fleece stays behind: %s", error)
        except QmpError as error:
            log.info("the nodes of a target stay behind: %s", error)
            await self._fleeces.abandon(plan)
            return False
        finally:
            self.hand_over(plan)
        return True

    def hand_over(self, plan: "Plan") -> None:
        """From now on the nodes are the job's; without a job they are nobody's."""
        self._in_use.difference_update(plan.nodes)

    async def _created(self, session: QmpSession, job_id: str) -> None:
        """Wait for the end of a `blockdev-create`; `query-jobs` alone tells of a failure."""
        job = await self._concluded(session, job_id, self._pace.create)
        if job is None:
            raise CommandRefused("blockdev-create", "GenericError", "its job vanished")
        await session.execute("job-dismiss", {"id": job_id}, timeout=self._pace.command)
        if job.error:
            raise CommandRefused("blockdev-create", "GenericError", job.error)

    async def _concluded(self, session: QmpSession, job_id: str, within: float) -> JobInfo | None:
        """A job that makes an image, once it is over; None if there is none.

        Raises:
            NotAnswering: it still goes on after so many seconds.
        """
        ask = Queries(session, self._pace.command)
        end = time.monotonic() + within
        while True:
            self._step.clear()
            job = next((job for job in await ask.jobs() if job.id == job_id), None)
            if job is None or job.status == "concluded":
                return job
            if time.monotonic() > end:
                raise NotAnswering("blockdev-create", within)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._step.wait()

    async def remove(self, session: QmpSession, nodes: Iterable[str]) -> str | None:
        """Close them; tells in QEMU's words what it refused first. One that is not there is fine.

        Raises:
            NotAnswering, ConnectionLost: as `QmpSession.execute`.
        """
        problems = [await self._remove(session, node) for node in nodes]
        return next((problem for problem in problems if problem is not None), None)

    async def _remove(self, session: QmpSession, node: str) -> str | None:
        if is_filter(node):
            in_the_way = await take_off(session, node, self._pace.command)
            if in_the_way is not None:
                return in_the_way
        try:
            await session.execute("blockdev-del", {"node-name": node}, timeout=self._pace.create)
        except CommandRefused as refusal:
            if not refusal.desc.startswith(_NO_SUCH_NODE):
                return refusal.desc
        return None

    async def release(self, session: QmpSession) -> None:
        """Close the targets of the jobs that are over: only then all of a backup is on the disk.

        Raises:
            NotAnswering, ConnectionLost: as `QmpSession.execute`.
        """
        for job in self._state.tracker.to_release():
            problem = await self._close(session, job)
            tries = self._refusals.pop(job.key, 0) + 1
            if problem is not None and tries < _TRIES:
                # QEMU may still be letting go of them.
                self._refusals[job.key] = tries
                continue
            self._state.tracker.released(job.id, problem)
            self._state.changed()

    async def _close(self, session: QmpSession, job: Job) -> str | None:
        problem = await self.remove(session, job.target_nodes)
        held = not job.target_nodes or (problem is not None and _HELD_BY_JOB in problem)
        if not held:
            return problem
        # `Traps.target_closes_late`
        if job.status == "concluded":
            await self._dismiss(session, job.id)
        await Queries(session, self._pace.command).jobs()
        return await self.remove(session, job.target_nodes)

    async def _dismiss(self, session: QmpSession, job_id: str) -> bool:
        try:
            await session.execute("job-dismiss", {"id": job_id}, timeout=self._pace.command)
        except CommandRefused as refusal:
            # It is none, or not over yet, or dismissed itself meanwhile.
            log.info("dismissing %s: %s", job_id, refusal)
            return False
        return True

    async def clear(self, session: QmpSession, job_ids: Iterable[str]) -> None:
        """Remove what a BlockDeck that was killed has made for jobs that did not come to be.

        Raises:
            NotAnswering, ConnectionLost: as `QmpSession.execute`.
        """
        snapshot = self._state.snapshot
        used = set(snapshot.job_ids | snapshot.graph.names)
        for job_id in job_ids:
            creator = CREATOR + target_nodes(job_id)[0]
            if creator in snapshot.job_ids and await self._dismiss(session, creator):
                used.discard(creator)
            left = [node for node in all_nodes(job_id) if node in snapshot.graph.names]
            problem = await self.remove(session, left)
            if problem is not None:
                log.info("removing %s: %s", left, problem)
            used.difference_update(left)
        await self._fleeces.sweep(frozenset(used))

    async def sweep(self, session: QmpSession) -> None:
        """Remove nodes that no job uses any more, and jobs whose making of an image is over.

        Raises:
            NotAnswering, ConnectionLost: as `QmpSession.execute`.
        """
        snapshot = self._state.snapshot
        if snapshot.read_only:
            return
        owned = {node for job in snapshot.jobs for node in job.target_nodes} | self._in_use
        graph = snapshot.graph
        found = {n for n in graph.names if n.startswith(_OURS)} - owned
        # Of another client's backup that is under way.
        used = {stem_of(n) for n in found if n in graph.targets or graph.users(n)}
        in_use = {n for n in found if stem_of(n) in used}
        making = {CREATOR + node for node in owned}
        creators = {j for j in snapshot.job_ids if j.startswith(_CREATOR_PREFIX)} - making
        now = time.monotonic()
        orphans = (found - in_use) | creators
        self._orphans = {name: self._orphans.get(name, now) for name in orphans}
        old = {name for name, seen in self._orphans.items() if now - seen >= self._pace.orphan}
        for job_id in old & creators:
            await self._dismiss(session, job_id)
        nodes = sorted(old - creators, key=removal_order)
        names = {node.name: node.filename for node in snapshot.nodes}
        problem = await self.remove(session, nodes) if nodes else None
        if problem is not None:
            log.info("removing %s: %s", nodes, problem)
        for path in (names[node] for node in nodes if is_fleece(node, names.get(node, ""))):
            # Who was killed between making it and taking its name off has left it.
            try:
                await self._fleeces.unlink(path)
            except NotDeleted as error:
                log.info("a fleece stays behind: %s", error)
        await self._fleeces.sweep(snapshot.job_ids | graph.names)
