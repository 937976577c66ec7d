"""The watch over one session: when to ask what."""

import asyncio
import contextlib
import logging
import time

from tui.qmp.errors import CommandRefused, ConnectionLost, NotAnswering
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession
from tui.vm.snapshot import Link
from tui.worker.blockdev import TargetNodes
from tui.worker.care import Care
from tui.worker.outcomes import Outcomes
from tui.worker.pace import Pace
from tui.worker.state import VmState

log = logging.getLogger(__name__)

_SOON = 0.1
"""Seconds after the last look until what has ended is seen to: of many that end, for several."""


class Watch:
    """Asks QEMU what may have changed: at once after a hint, else now and then.

    Args:
        state: what is fed.
        care: what sees to the jobs while they run.
        outcomes: what sees to the end of our jobs.
        nodes: what removes the nodes of targets that nobody writes to.
        pace: how often to ask.
    """

    def __init__(
        self, state: VmState, care: Care, outcomes: Outcomes, nodes: TargetNodes, pace: Pace
    ) -> None:
        self._state = state
        self._care = care
        self._outcomes = outcomes
        self._nodes = nodes
        self._pace = pace
        self._hint = asyncio.Event()
        self._settle = pace.settle
        self._looked = float("-inf")

    def hint(self) -> None:
        """Something happened: look soon."""
        self._hint.set()

    async def over(self, session: QmpSession) -> str:
        """Watch until the session has ended; returns why it did.

        Raises:
            UnexpectedReply: QEMU says what this program does not understand.
        """
        closed = asyncio.create_task(session.closed(), name="session closed")
        closed.add_done_callback(lambda _: self._hint.set())
        try:
            while not closed.done():
                await self._rest(closed)
                if not closed.done():
                    await self._try_round(session)
            return closed.result()
        except ConnectionLost as lost:
            return lost.reason
        finally:
            closed.cancel()

    async def _rest(self, closed: "asyncio.Task[str]") -> None:
        """Wait for the next round: a hint, the time, or the end of the session."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pause()):
                await self._hint.wait()
        if self._hint.is_set():
            await self._let_settle(closed)
        if self._state.ending:
            # A question that meets a closed socket breaks the line before all of it was read.
            await asyncio.wait((closed,), timeout=self._pace.ending)
            self._state.ending = False
        self._hint.clear()

    async def _let_settle(self, closed: "asyncio.Task[str]") -> None:
        """Events come in bursts: ask once for all of a burst, but do not let an end wait."""
        settled = time.monotonic() + self._settling()
        while not closed.done():
            # Until its target is closed, a backup is not whole.
            ended = self._state.tracker.to_release()
            until = min(settled, self._looked + _SOON) if ended else settled
            left = until - time.monotonic()
            if left <= 0:
                return
            self._hint.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._hint.wait()

    def _settling(self) -> float:
        """How long this burst is let settle: longer and longer where hints never cease."""
        ceaseless = time.monotonic() - self._looked < self._settle
        longest = max(self._pace.settle, self._pace.busy)
        self._settle = min(2 * self._settle, longest) if ceaseless else self._pace.settle
        return self._settle

    def _pause(self) -> float:
        restless = (
            self._state.tracker.busy
            or self._state.tracker.to_dismiss()
            or self._state.snapshot.connection.link is not Link.CONNECTED
        )
        return min(
            self._pace.busy if restless else self._pace.idle,
            self._state.due.inventory_in(),
            max(self._pace.busy, self._state.first_rate_due_in()),
            self._care.due_in(),
        )

    async def _try_round(self, session: QmpSession) -> None:
        try:
            await self._round(session)
        except NotAnswering as silence:
            asked = time.monotonic() - silence.seconds
            self._state.set_link(Link.NOT_ANSWERING, str(silence), since=asked)
        except CommandRefused as refusal:
            log.warning("a poll was refused: %s", refusal)
        else:
            self._state.set_link(Link.CONNECTED)
        self._looked = time.monotonic()

    async def _round(self, session: QmpSession) -> None:
        """One light look at the VM: only what may have changed."""
        # Silence is told of soon; but many disks take their time on a slow line.
        ask = Queries(session, min(self._pace.question, self._pace.command))
        state = self._state
        list_disks = state.due.inventory_in() <= 0
        if state.tracker.busy or state.tracker.to_dismiss() or list_disks:
            await state.poll_jobs(ask)
        if list_disks:
            await state.poll_inventory(Queries(session, self._pace.command))
            await self._nodes.sweep(session)
        else:
            await state.poll_stats(ask)
        if state.due.run_state:
            await state.poll_run_state(ask)
        await self._care.look(session)
        await self._outcomes.settle(session)
