"""`blockdeck chain`: points of chains from the command line, from their start to their end."""

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tui.agent import AgentError
from tui.agent import Freeze as Frozen
from tui.chain.directory import Kept, read_chain
from tui.chain.disks import NeedsFull, NotPossible
from tui.chain.lock import ChainBusy
from tui.chain.options import PointOptions
from tui.cli.agent import agent_socket
from tui.cli.chain_choice import chosen_disks, the_chain, whole_path
from tui.cli.failure import Failure, Status
from tui.cli.images_run import Teller
from tui.cli.interruption import cancelled_by_signals, interruption
from tui.cli.monitor import open_vm
from tui.cli.output import PROGRAM, note, say, say_json
from tui.cli.progress import Reporter, reporter_for
from tui.images.errors import ImageError
from tui.images.seal import seal, seal_alone, unsealed
from tui.qmp.address import MonitorAddress
from tui.qmp.errors import ConnectionLost, NotAnswering, notes_of
from tui.units import size
from tui.vm.total import total_of
from tui.worker import VmWorker
from tui.worker.point import Freeze, PointFailed, RunningPoint


@dataclass(frozen=True, slots=True)
class ChainRequest:
    """What the command line asks for; `place` is a directory, or a manifest in it.

    `freeze` is whether the guest is frozen while the backup begins, `agent` by which socket, None
    for the one on QEMU's command line; `try_freeze` is whether the backup goes on where it cannot.
    """

    address: MonitorAddress
    place: Path
    disks: tuple[str, ...] = ()
    options: PointOptions = field(default_factory=PointOptions)
    full: bool = False
    checksum: bool = True
    freeze: bool = False
    try_freeze: bool = False
    agent: Path | None = None
    as_json: bool = False


# --- making points -------------------------------------------------------------------------------


async def start_chain(request: ChainRequest) -> int:
    """Begin a chain with a full point of the disks that are named, or of all that there are.

    Raises:
        Failure: it cannot be, or did not succeed.
        QmpError: QEMU refused, or could not be asked.
    """
    async with open_vm(request.address) as worker:
        devices = chosen_disks(worker, request.disks)
        return await _make(
            worker,
            worker.chains.begin(
                devices, whole_path(request.place), request.options, _freeze(worker, request)
            ),
            request,
        )


async def next_point(request: ChainRequest) -> int:
    """Make the next point of a chain: an increment, or a new full one where that is asked for.

    Raises:
        Failure, QmpError: as `start_chain`.
    """
    kept = the_chain(request.place)
    async with open_vm(request.address) as worker:
        freeze = _freeze(worker, request)
        point = worker.chains.go_on(kept, request.options, freeze, full=request.full)
        return await _make(worker, point, request)


async def finish_point(request: ChainRequest) -> int:
    """See to the end of a point whose backup an earlier command left running.

    Raises:
        Failure, QmpError: as `start_chain`.
    """
    kept = the_chain(request.place)
    async with open_vm(request.address) as worker:
        return await _make(worker, worker.chains.take_up(kept), request)


async def _make(
    worker: VmWorker, point: AbstractAsyncContextManager[RunningPoint | Kept], request: ChainRequest
) -> int:
    reporter = reporter_for(request.as_json)
    unfrozen = ""
    try:
        async with AsyncExitStack() as stack:
            running = await _begun(stack, point, request)
            if isinstance(running, Kept):
                return _told(running, request)
            title = f"point {running.point.serial} of chain {running.chain.id}"
            reporter.started(title, running.point.commands[-1] if running.point.commands else {})
            unfrozen = running.unfrozen
            _tell_of_start(running, as_json=request.as_json)
            kept = await _to_its_end(worker, running, reporter)
            if kept is not None and request.checksum:
                reporter.close()
                kept = await _sealed(kept, request)
    except NeedsFull as reason:
        raise Failure(str(reason), "A new full point can be made: add --full.") from reason
    except (NotPossible, ChainBusy) as reason:
        raise Failure(_sentence(str(reason))) from reason
    except PointFailed as reason:
        advice = "The chain is as it was before: the next point can be made on its last one."
        raise Failure(f"the point did not come to be: {reason}", advice) from reason
    finally:
        reporter.close()
    if kept is None:
        note(f"interrupted; the backup goes on in QEMU. See to its end by: {_finish(request)}")
        return Status.INTERRUPTED
    status = _told(kept, request)
    if unfrozen and not request.try_freeze:
        raise Failure("the point is as one of a guest that was not frozen", unfrozen)
    return status


async def _begun(
    stack: AsyncExitStack,
    point: AbstractAsyncContextManager[RunningPoint | Kept],
    request: ChainRequest,
) -> RunningPoint | Kept:
    """The point, which ends with the stack.

    Raises:
        Failure: a signal came before it was begun.
    """
    try:
        with cancelled_by_signals():
            return await stack.enter_async_context(point)
    except asyncio.CancelledError as error:
        advice = _in_doubt(error, request) or "No backup was begun."
        raise Failure("interrupted", advice, Status.INTERRUPTED) from error
    except (NotAnswering, ConnectionLost) as error:
        raise Failure(_sentence(str(error)), _in_doubt(error, request)) from error


def _in_doubt(error: BaseException, request: ChainRequest) -> str:
    """What is not known of a start that was cut off, and what tells it."""
    notes = notes_of(error)
    return f"{notes}\nSee what became of it by: {_finish(request)}" if notes else ""


def _tell_of_start(running: RunningPoint, *, as_json: bool) -> None:
    frozen = running.point.frozen_seconds
    if running.unfrozen:
        note(f"{_sentence(running.unfrozen)}. The backup goes on all the same.")
    elif frozen is not None and not as_json:
        note(f"the guest was frozen for {frozen:.1f} s")
    if running.warning:
        note(running.warning)


def _finish(request: ChainRequest) -> str:
    monitor, place = shlex.quote(str(request.address)), shlex.quote(str(request.place))
    return f"{PROGRAM} chain finish {monitor} {place}"


async def _to_its_end(worker: VmWorker, running: RunningPoint, reporter: Reporter) -> Kept | None:
    """The chain with the point; None if a signal came first."""

    def tell() -> None:
        jobs = [job for id_ in running.job_ids if (job := worker.snapshot.job(id_))]
        total = total_of(jobs, f"{len(running.job_ids)} disks")
        if total is not None:
            reporter.progress(total)

    unsubscribe = worker.subscribe(tell)
    with interruption() as interrupted:
        end = asyncio.create_task(worker.chains.finish(running), name="finish a point")
        stop = asyncio.create_task(interrupted.wait(), name="interruption")
        try:
            await asyncio.wait((end, stop), return_when=asyncio.FIRST_COMPLETED)
            return end.result() if end.done() else None
        finally:
            unsubscribe()
            end.cancel()
            stop.cancel()


async def _sealed(kept: Kept, request: ChainRequest) -> Kept:
    """The chain with its checksums; without those that could not be taken, which is told."""
    with Teller(as_json=request.as_json) as tell, interruption() as interrupted:
        sealing = asyncio.create_task(seal(kept, tell), name="checksums")
        stop = asyncio.create_task(interrupted.wait(), name="interruption")
        try:
            await asyncio.wait((sealing, stop), return_when=asyncio.FIRST_COMPLETED)
            if sealing.done():
                return sealing.result()
            why = "interrupted"
        except ImageError as error:
            why = error.sentence
        finally:
            sealing.cancel()
            stop.cancel()
            await asyncio.wait((sealing, stop))
    place = shlex.quote(str(kept.path))
    note(f"no checksum: {why}. Take it by: {PROGRAM} chain seal {place}")
    return await asyncio.to_thread(read_chain, kept.path)


async def seal_chain(place: Path, *, as_json: bool) -> int:
    """Take the checksums that the images of a chain lack.

    Raises:
        Failure: there is no such chain, or somebody else works on it.
        ImageError: an image cannot be read, or has changed.
    """
    missing = len(unsealed(the_chain(place).chain))
    with Teller(as_json=as_json) as tell:
        kept = await seal_alone(the_chain(place).path, tell)
    if as_json:
        say_json({"type": "chain", **_as_json(kept)})
    else:
        say(
            f"{missing} checksum{'' if missing == 1 else 's'} taken"
            if missing
            else "every image has its checksum"
        )
    return Status.DONE


def _freeze(worker: VmWorker, request: ChainRequest) -> Freeze | None:
    if not (request.freeze or request.try_freeze or request.agent):
        return None

    agent = agent_socket(request.address, worker, request.agent)

    def freeze() -> AbstractAsyncContextManager[Frozen | None]:
        return worker.freezing.frozen(agent)

    return partial(_tried, freeze) if request.try_freeze else freeze


@contextlib.asynccontextmanager
async def _tried(freeze: Freeze) -> AsyncIterator[Frozen | None]:
    """The guest frozen for the length of the block, where that can be."""
    async with AsyncExitStack() as stack:
        try:
            frozen = await stack.enter_async_context(freeze())
        except AgentError as error:
            note(f"{_sentence(str(error))}. Going on without freezing the guest.")
            frozen = None
        yield frozen


def _told(kept: Kept, request: ChainRequest) -> int:
    if request.as_json:
        say_json({"type": "chain", **_as_json(kept)})
        return Status.DONE
    last = kept.chain.last
    if last is None:
        say(f"chain {kept.chain.id} has no complete point")
        return Status.FAILED
    say(f"point {last.serial} of chain {kept.chain.id}, {last.kind}, is complete")
    for name, image in last.images.items():
        say(f"  {name}: {kept.directory / image.file}, {size(image.allocated)}")
    return Status.DONE


def _as_json(kept: Kept) -> dict[str, Any]:
    return {"manifest": str(kept.path), **kept.chain.model_dump(mode="json")}


def _sentence(text: str) -> str:
    return text[:-1] if text.endswith(".") else text
