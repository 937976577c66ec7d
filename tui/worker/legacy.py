"""How backups are looked after, from one BlockDeck to the next."""

import time

from tui.records.kept_care import CareStore, Keeper, KeptCare
from tui.units import rate
from tui.vm.job import Job
from tui.worker.charge import Charge
from tui.worker.disk import Disk
from tui.worker.state import VmState

_REFRESHED_SECONDS = 15.0
"""How often what is on the disk about a job is renewed though nothing is different."""

_ANOTHERS_SECONDS = 12 * 3600.0
"""So long the wishes for another client's job hold unwatched: its id may be used every night."""


class Legacy:
    """Keeps what is wanted and done for each backup, and takes up what was left.

    Args:
        state: whom it is told to.
        disk: where it is kept.
    """

    def __init__(self, state: VmState, disk: Disk[CareStore]) -> None:
        self._state = state
        self._disk = disk
        self._present = Keeper.present()

    # --- taken up --------------------------------------------------------------------------------

    async def take_up(self, job: Job, ceiling: int) -> Charge:
        """The charge of a job that was not looked after by us before.

        Args:
            job: the job.
            ceiling: the limit that its operator wants, for all that is known.
        """
        charge = Charge(ceiling=ceiling, key=job.key)
        found = await self._disk.ask(lambda store, qemu: store.find(qemu, job.id))
        if found is None or not found[0].is_of(job):
            return charge
        kept, watched = found
        key = job.device_key or ""
        self._state.io.writes.recall(key, kept.writes.wait, kept.writes.rate)
        self._state.io.reads.recall(key, kept.reads.wait, kept.reads.rate)
        self._state.disks_changed()
        if kept.asked is not None:
            self._state.tracker.speed_asked(job.id, kept.asked)
        charge.kept, charge.kept_at, charge.ceiling = kept, watched, kept.ceiling
        charge.others = True
        await self.take_over(job, charge)
        return charge

    async def take_over(self, job: Job, charge: Charge) -> None:
        """Look after a job that another BlockDeck looked after, once that runs no more."""
        kept = charge.kept
        alive = kept is not None and kept.keeper is not None and kept.keeper.alive()
        if kept is None or alive or self._state.read_only:
            return
        charge.others = False
        charge.ceiling, charge.told = kept.ceiling, kept.told
        said = []
        lately = time.time() - charge.kept_at < _ANOTHERS_SECONDS
        if kept.wishes and (job.ours or lately):
            charge.wish(kept.wishes)
            said.append(f"as was wished for it before, {kept.wishes.words}")
        if job.speed in kept.told and job.speed != kept.ceiling:
            limit = rate(kept.ceiling) if kept.ceiling else "none"
            held = f"a BlockDeck that is gone held it at {rate(job.speed)}"
            said.append(f"{held}, its own limit is {limit}")
        for words in said:
            self._state.events.note(words, time.time(), job.id)
            self._state.changed()

    # --- left ------------------------------------------------------------------------------------

    async def keep(self, job: Job, charge: Charge) -> None:
        """Have it on the disk as it is now."""
        if charge.others or self._state.read_only:
            return
        now = self._record(job, charge, self._present)
        due = time.time() - charge.kept_at >= _REFRESHED_SECONDS
        if due or not _same(charge.kept, now):
            await self._write(charge, now)

    async def leave(self, job: Job, charge: Charge) -> None:
        """Nobody looks after it any more, and it has the speed that is wanted."""
        if not self._state.read_only:
            charge.told = ()
            await self._write(charge, self._record(job, charge, None))

    async def drop(self, job_id: str, charge: Charge) -> None:
        """The job is over."""
        if not charge.others and not self._state.read_only:
            await self._disk.ask(lambda store, qemu: store.drop(qemu, job_id))

    def _record(self, job: Job, charge: Charge, keeper: Keeper | None) -> KeptCare:
        key = job.device_key or ""
        writes, reads = self._state.io.writes.of(key), self._state.io.reads.of(key)
        return charge.record(job, writes, reads, keeper)

    async def _write(self, charge: Charge, record: KeptCare) -> None:
        charge.kept, charge.kept_at = record, time.time()
        await self._disk.ask(lambda store, qemu: store.keep(qemu, record))


def _same(kept: KeptCare | None, now: KeptCare) -> bool:
    """Whether nothing but how much was copied is different."""
    return kept is not None and kept.model_copy(update={"copied": now.copied}) == now
