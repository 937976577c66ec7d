"""Points of chains, made while the operator goes about elsewhere."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from textual.worker import Worker, WorkerCancelled, WorkerFailed

from tui.agent import AgentError, NoAgent, NotThawed
from tui.chain.directory import Kept, NoManifest, read_chain
from tui.chain.disks import NeedsFull, NotPossible
from tui.chain.lock import ChainBusy, alone_with
from tui.chain.options import PointOptions
from tui.images.errors import ImageError
from tui.images.progress import Progress
from tui.images.seal import seal
from tui.qmp.errors import QmpError, notes_of
from tui.text import plain
from tui.unfinished import POINTS
from tui.units import percent
from tui.vm.snapshot import Device
from tui.worker.point import Freeze, NotRecorded, PointFailed, RunningPoint

if TYPE_CHECKING:
    from tui.app import BlockDeckApp
    from tui.worker import VmWorker

log = logging.getLogger(__name__)

_TIDYING_SECONDS = 3.0

_NO_BETTER = "The backup goes on: the point will be as one of a guest that was not frozen."

_ONE_AT_A_TIME = "A point of this chain is being made. The next one can be, once it is complete."


class HowMade(NamedTuple):
    """How a point is made: `freeze` is whether the guest is frozen, `fleece` where it fleeces to.

    `fleece` is a directory on fast storage; "" is no fleecing. `agent` is the socket by which the
    guest is frozen; "" is the one on QEMU's command line.
    """

    freeze: bool = False
    fleece: str = ""
    agent: str = ""


class ChainMaking:
    """Makes points in tasks of the app's, and tells how they ended.

    Args:
        app: whose notices are used.
        over: called when nobody sees to a point any more, whatever came of it.
    """

    def __init__(self, app: "BlockDeckApp", over: Callable[[], object]) -> None:
        self._app = app
        self._tell_over = over
        self._making: dict[str, asyncio.Event] = {}
        self._sealing: dict[str, float] = {}
        self._sealers: dict[str, Worker[None]] = {}

    def is_making(self, chain: str) -> bool:
        """Whether a point of this chain is seen to."""
        return chain in self._making

    def words(self, chain: str) -> str:
        """What is done to the last point of a chain after its backup; nothing mostly."""
        done = self._sealing.get(chain)
        return f"checksum {percent(done)}" if done is not None else ""

    async def start(
        self,
        worker: "VmWorker",
        devices: Sequence[Device],
        directory: Path,
        how: HowMade,
    ) -> bool:
        """Begin a chain; tells whether its first point runs.

        Raises:
            AgentError: the guest cannot be frozen.
        """
        options, freezing = self._options(worker, how), _freezing(worker, how)
        return await self._begin(worker.chains.begin(devices, directory, options, freezing), worker)

    def agent(self, worker: "VmWorker") -> str:
        """The socket of the guest's agent, as it is set, else as QEMU tells it; "" is not known."""
        vm = worker.snapshot
        chosen = self._app.settings.agent(vm.address, vm.name)
        if chosen is not None:
            return chosen
        try:
            return str(worker.freezing.socket())
        except NoAgent:
            return ""

    async def was_made(self, worker: "VmWorker", kept: Kept) -> HowMade:
        """How points of a chain were made, and so is the next; also after one made otherwise."""
        try:
            points = (await asyncio.to_thread(read_chain, kept.path)).chain.points
        except (NoManifest, OSError):
            # Told by whoever goes on with it.
            points = ()
        asked = [point.arguments for point in reversed(points) if point.arguments is not None]
        fleece = next((arguments.fleece for arguments in asked if arguments.fleece), "")
        freeze = any(p.frozen_seconds is not None for p in points)
        typed = next((arguments.agent for arguments in asked if arguments.agent), "")
        # What is true now comes before what was typed then.
        return HowMade(freeze, fleece, self.agent(worker) or typed)

    async def go_on(
        self, worker: "VmWorker", kept: Kept, how: HowMade, *, full: bool = False
    ) -> bool:
        """Make the next point; tells whether it runs.

        Raises:
            NeedsFull: no increment can be made, but a full point can.
            AgentError: the guest cannot be frozen.
        """
        options, freezing = self._options(worker, how), _freezing(worker, how)
        await self._over(kept.chain.id)
        if self.is_making(kept.chain.id):
            self._app.notify(_ONE_AT_A_TIME, severity="warning")
            return False
        await self._let_go(kept.chain.id)
        point = worker.chains.go_on(kept, options, freezing, full=full)
        return await self._begin(point, worker)

    def _options(self, worker: "VmWorker", how: HowMade) -> PointOptions:
        vm = worker.snapshot
        return PointOptions(self._app.settings.speed(vm.address, vm.name), fleece=how.fleece)

    async def take_up(self, worker: "VmWorker", kept: Kept) -> bool:
        """See to a point that an earlier BlockDeck left; not while somebody works on its chain."""
        try:
            await self._begin(worker.chains.take_up(kept), worker, taken_up=True)
        except ChainBusy:
            return False
        return True

    async def _begin(
        self,
        point: AbstractAsyncContextManager[RunningPoint | Kept],
        worker: "VmWorker",
        *,
        taken_up: bool = False,
    ) -> bool:
        begun: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        # It is not awaited here, and ends with the app.
        _: Worker[None] = self._app.run_worker(
            partial(self._make, point, worker, begun, taken_up=taken_up),
            group=POINTS,
            exit_on_error=False,
            exclusive=False,
        )
        return await begun

    async def _make(
        self,
        point: AbstractAsyncContextManager[RunningPoint | Kept],
        worker: "VmWorker",
        begun: "asyncio.Future[bool]",
        *,
        taken_up: bool,
    ) -> None:
        try:
            kept = await self._made(point, worker, begun)
            if kept is not None:
                self.seal(kept)
        except (NeedsFull, AgentError) as reason:
            # A question can be answered and is gone; that a guest is still frozen is to be read.
            if begun.done() or isinstance(reason, NotThawed):
                self._tell(f"The point did not come to be: {reason}")
            if not begun.done():
                begun.set_exception(reason)
        except ChainBusy as busy:
            if not taken_up:
                self._tell(f"The point did not come to be: {busy}")
            elif not begun.done():
                begun.set_exception(busy)
        except NotRecorded as reason:
            self._tell(str(reason))
        except (NotPossible, NoManifest, PointFailed, QmpError, OSError) as error:
            self._tell(f"The point did not come to be: {error} {notes_of(error)}".rstrip())
        finally:
            _settle(begun, False)

    async def _made(
        self,
        point: AbstractAsyncContextManager[RunningPoint | Kept],
        worker: "VmWorker",
        begun: "asyncio.Future[bool]",
    ) -> Kept | None:
        """The chain with its new point; None where nothing ran that was to be taken up."""
        chain = ""
        try:
            async with point as running:
                _settle(begun, isinstance(running, RunningPoint))
                if not isinstance(running, RunningPoint):
                    return None
                chain = running.chain.id
                self._making[chain] = asyncio.Event()
                if running.unfrozen:
                    self._tell(f"{running.unfrozen.rstrip('.')}. {_NO_BETTER}")
                if running.warning:
                    self._app.notify(plain(running.warning), severity="warning", markup=False)
                return await self._finish(running, worker)
        finally:
            if chain in self._making:
                self._making.pop(chain).set()
                self._tell_over()

    async def _over(self, chain: str) -> None:
        """Wait a moment for a point that is complete, of which the last bits are tidied up."""
        making = self._making.get(chain)
        if making is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TIDYING_SECONDS):
                    await making.wait()

    async def _finish(self, running: RunningPoint, worker: "VmWorker") -> Kept:
        kept = await worker.chains.finish(running)
        serial = running.point.serial
        words = f"Point {serial} of chain {kept.chain.id} is complete."
        self._app.notify(plain(words), markup=False)
        return kept

    # --- checksums -------------------------------------------------------------------------------

    def seal(self, kept: Kept) -> None:
        """Take the checksums that a chain lacks, if nobody does so already."""
        chain = kept.chain.id
        if chain not in self._sealing and chain not in self._making:
            self._sealers[chain] = self._app.run_worker(
                partial(self._seal_alone, kept), group="checksums", exclusive=False
            )

    async def _let_go(self, chain: str) -> None:
        """A point goes first: it takes the checksums that are missing when it is complete."""
        sealer = self._sealers.pop(chain, None)
        if sealer is not None:
            sealer.cancel()
            with contextlib.suppress(WorkerFailed, WorkerCancelled):
                await sealer.wait()

    async def _seal_alone(self, kept: Kept) -> None:
        try:
            with alone_with(kept.path):
                await self._seal(await asyncio.to_thread(read_chain, kept.path))
        except (ChainBusy, NoManifest, OSError) as error:
            self._tell(f"No checksum was taken: {error}")

    async def _seal(self, kept: Kept) -> None:
        chain = kept.chain.id
        self._sealing[chain] = 0.0

        def tell(come: Progress) -> None:
            self._sealing[chain] = come.fraction

        try:
            await seal(kept, tell)
        except ImageError as error:
            self._tell(f"No checksum was taken: {error.sentence}. {error.advice}")
        finally:
            del self._sealing[chain]

    def _tell(self, words: str) -> None:
        log.info("%s", words)
        self._app.notify(plain(words), severity="error", timeout=30, markup=False)


def _freezing(worker: "VmWorker", how: HowMade) -> Freeze | None:
    if not how.freeze:
        return None
    return partial(worker.freezing.frozen, Path(how.agent) if how.agent else None)


def _settle(begun: "asyncio.Future[bool]", runs: bool) -> None:
    if not begun.done():
        begun.set_result(runs)
