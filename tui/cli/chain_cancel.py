"""`blockdeck chain cancel`: the end of a point that is being made, whoever began it."""

from pathlib import Path

from tui.chain.directory import Kept
from tui.chain.lock import ChainBusy
from tui.cli.chain_choice import the_chain
from tui.cli.failure import Failure
from tui.cli.monitor import open_vm
from tui.cli.output import note, say, say_json
from tui.qmp.address import MonitorAddress
from tui.worker import VmWorker
from tui.worker.point import PointFailed, RunningPoint


async def cancel_point(address: MonitorAddress, place: Path, *, agreed: bool, as_json: bool) -> int:
    """Cancel the point of a chain that is being made, once it is agreed to.

    Raises:
        Failure: none is being made, it was not agreed to, or it was complete before.
        QmpError: QEMU refused, or could not be asked.
    """
    kept = the_chain(place)
    running = next((point for point in kept.chain.points if not point.complete), None)
    async with open_vm(address) as worker:
        jobs = [worker.snapshot.job(id_) for id_ in (running.job_ids.values() if running else ())]
        live = [job.id for job in jobs if job is not None and job.live]
        if running is None or not live:
            raise Failure(f"no point of chain {kept.chain.id} is being made")
        what = f"point {running.serial} of chain {kept.chain.id}"
        tell = note if as_json else say
        tell(
            f"What was copied of {what} is removed. The points before it stay as they are, and the "
            "next increment holds what was written since the last of them."
        )
        if not agreed:
            raise Failure("nothing was cancelled", "With --yes it is.")
        await worker.cancel_all(live)
        try:
            after = await _cleared_away(worker, kept)
        except ChainBusy:
            note("Another BlockDeck sees to the chain, and removes it.")
            after = None
    point = after.chain.point(running.serial) if after is not None else None
    if point is not None and point.complete:
        raise Failure(f"{what} was complete before it could be cancelled")
    if as_json:
        say_json({"type": "cancelled", "chain": kept.chain.id, "point": running.serial})
    else:
        say(f"{what} is cancelled")
    return 0


async def _cleared_away(worker: VmWorker, kept: Kept) -> Kept | None:
    """The chain as it is then; None where the point came to nothing."""
    async with worker.chains.take_up(kept) as found:
        if not isinstance(found, RunningPoint):
            return found
        try:
            return await worker.chains.finish(found)
        except PointFailed:
            # As it was to be.
            return None
