"""What can be done with the chain that is highlighted: points made, images seen to."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from textual import work

from tui.agent import AgentError
from tui.chain.catalog import CatalogPoint, Stack
from tui.chain.directory import Kept
from tui.chain.disks import NeedsFull
from tui.chain.words import point_text
from tui.images.restorable import point_of
from tui.images.seal import unsealed
from tui.qmp.errors import QmpError
from tui.screens.chain_fleece import against, refuses, suggestion
from tui.screens.chain_making import ChainMaking, HowMade
from tui.screens.choose_disks import ChooseDisks
from tui.screens.confirm import Confirm
from tui.screens.image_commands import restore_images, verify_images
from tui.screens.prune import PruneScreen
from tui.screens.restore import RestoreScreen
from tui.screens.text_page import TextPage
from tui.screens.verify import VerifyScreen
from tui.screens.vm_screen import VmScreen
from tui.text import plain
from tui.vm.job import Job
from tui.vm.remedies import with_advice
from tui.widgets.chain_tree import Spot
from tui.widgets.path_suggester import PathSuggester
from tui.worker import VmWorker


class ChainActs(VmScreen):
    """A screen with keys for the chain, the point or the images that are highlighted."""

    def __init__(self) -> None:
        super().__init__()
        self._making: ChainMaking | None = None

    @property
    def making(self) -> ChainMaking:
        """What makes the points."""
        if self._making is None:
            self._making = ChainMaking(self.deck, self.look)
        return self._making

    @property
    @abstractmethod
    def spot(self) -> Spot | None:
        """What is highlighted."""

    @property
    @abstractmethod
    def directory(self) -> Path:
        """The directory that is shown."""

    @abstractmethod
    def look(self) -> object:
        """See what lies there now."""

    def jobs_of(self, point: CatalogPoint) -> tuple[Job, ...]:
        """The jobs of a point that is being made."""
        vm = self.worker.snapshot if self.worker else None
        ids = point.point.job_ids.values() if not point.point.complete else ()
        found = (vm.job(job_id) for job_id in ids) if vm is not None else ()
        return tuple(job for job in found if job is not None)

    @property
    def being_made(self) -> list[Job]:
        """The live jobs of the point that is being made of the highlighted chain."""
        chain = self.spot.chain if self.spot is not None else None
        points = [p for p in chain.points if not p.point.complete] if chain else []
        return [job for point in points for job in self.jobs_of(point) if job.live]

    # --- points ----------------------------------------------------------------------------------

    @work(group="chain-act", exclusive=True)
    async def action_start(self) -> None:
        """Choose disks and begin a chain of them."""
        worker = self.worker
        if worker is None:
            return
        chooser = ChooseDisks(
            worker.snapshot.devices,
            str(self.directory),
            agent=self.making.agent(worker),
            fleece=suggestion(self.deck, worker.snapshot),
            against=partial(against, worker),
            suggester=PathSuggester(lambda: worker.process),
        )
        chosen = await self.app.push_screen_wait(chooser)
        if chosen is None:
            return
        await self.deck.remembered.fleece(worker.snapshot, chosen.fleece)
        devices = [d for d in worker.snapshot.devices if d.key in chosen.keys]

        async def start(how: HowMade) -> None:
            await self.making.start(worker, devices, self.directory, how)

        await self._frozen_or_not(start, HowMade(*chosen[1:]))
        self.look()

    async def _frozen_or_not(self, act: Callable[[HowMade], Awaitable[None]], how: HowMade) -> None:
        """Act with the guest frozen, or after a question without, where it cannot be."""
        try:
            await act(how)
        except AgentError as error:
            question = Confirm(
                title="Go on without freezing the guest?",
                text=f"{plain(str(error), 400)}. The point would be as after a power cut: what "
                "the guest has not written to its disks yet is not in it.",
                yes="Without freezing",
                no="Nothing",
            )
            if await self.app.push_screen_wait(question):
                await act(how._replace(freeze=False))

    async def _go_on(self, *, full: bool) -> None:
        worker, spot = self.worker, self.spot
        if worker is None or spot is None or spot.chain is None:
            self.notify("Choose a chain first.", severity="warning")
            return
        kept = spot.chain.kept
        how = await self._fleeced_or_not(worker, kept, await self.making.was_made(worker, kept))
        if how is None:
            return

        async def go_on(how: HowMade, full: bool = full) -> None:
            await self.making.go_on(worker, kept, how, full=full)

        try:
            await self._frozen_or_not(go_on, how)
        except NeedsFull as reason:
            question = Confirm(
                title="Make a full point instead?",
                text=plain(f"{reason} The earlier points of the chain stay as they are."),
                yes="Full point",
                no="Nothing",
            )
            if await self.app.push_screen_wait(question):
                await self._frozen_or_not(partial(go_on, full=True), how)
        self.look()

    async def _fleeced_or_not(self, worker: VmWorker, kept: Kept, how: HowMade) -> HowMade | None:
        """The next point as the last one was made, or after a question without fleecing."""
        names = {disk.device for disk in kept.chain.disks}
        devices = [device for device in worker.snapshot.devices if device.title in names]
        try:
            found = await against(worker, devices, how.fleece)
        except QmpError as error:
            self.notify(plain(str(error)), severity="error", markup=False)
            return None
        if found is None or not refuses(found):
            return how
        question = Confirm(
            title="Go on without fleecing?",
            text=f"The points before saved what the guest overwrote to {plain(how.fleece, 200)}. "
            f"{plain(found.message, 300)} Without, the guest waits for the target meanwhile, and "
            "its writes fail where that fails.",
            yes="Without fleecing",
            no="Nothing",
        )
        if not await self.app.push_screen_wait(question):
            return None
        return how._replace(fleece="")

    @work(group="chain-act", exclusive=True)
    async def action_next(self) -> None:
        """Make an increment, or a full point where no increment can be made."""
        await self._go_on(full=False)

    @work(group="chain-act", exclusive=True)
    async def action_full(self) -> None:
        """Make a new full point."""
        await self._go_on(full=True)

    @work(group="chain-act", exclusive=True)
    async def action_cancel(self) -> None:
        """Cancel the point that is being made, after a question."""
        worker, jobs = self.worker, self.being_made
        if worker is None or not jobs:
            return
        question = Confirm(
            title=f"Cancel the point{self.of_vm}?",
            text="What was copied of it is removed. The points before it stay as they are, and the "
            "next increment holds what was written since the last of them.",
            yes="Cancel it",
            no="Go on",
        )
        if not await self.app.push_screen_wait(question):
            return
        try:
            await worker.cancel_all([job.id for job in jobs])
        except QmpError as error:
            self.notify(plain(with_advice(error)), severity="error", markup=False)

    # --- images ----------------------------------------------------------------------------------

    def _chosen(self) -> tuple[Kept, int | None] | None:
        """The chain that is highlighted, and the serial of its point that is, if it is complete."""
        spot = self.spot
        if spot is None or spot.chain is None:
            self.notify("Choose a chain or a point of one first.", severity="warning")
            return None
        done = spot.point is not None and spot.point.point.complete
        return spot.chain.kept, spot.point.point.serial if spot.point and done else None

    def action_verify(self) -> None:
        """Verify what is highlighted: a chain, a point with all that it stands on, images."""
        if (stack := self._stack()) is not None:
            self.app.push_screen(verify_images(self.directory, stack))
        elif (chosen := self._chosen()) is not None:
            self.app.push_screen(VerifyScreen(*chosen))

    def action_restore(self) -> None:
        """Restore a disk at the point that is highlighted; of a chain, at its last one."""
        if (stack := self._stack()) is not None:
            self.app.push_screen(restore_images(self.directory, stack))
            return
        chosen = self._chosen()
        if chosen is None:
            return
        kept, serial = chosen
        last = kept.chain.last
        if serial is None and last is not None and self.spot and self.spot.point is None:
            serial = last.serial
        if serial is None:
            self.notify("There is no complete point to restore.", severity="warning")
            return
        self.app.push_screen(RestoreScreen(point_of(kept, serial)))

    def _stack(self) -> Stack | None:
        """The images without a manifest that are highlighted."""
        return self.spot.stack if self.spot is not None else None

    def action_about(self) -> None:
        """All that the manifest tells of a point, with the exact commands, to be copied."""
        spot = self.spot
        if spot is None or spot.point is None or spot.chain is None:
            self.notify("Choose a point first.", severity="warning")
            return
        chain, point = spot.chain.kept.chain.id, spot.point.point
        text = "\n".join(point_text(chain, point))
        self.app.push_screen(TextPage(f"Point {point.serial} of chain {chain}", text))

    def action_prune(self) -> None:
        """Show which points of the directory would go by which rules."""
        if self._chosen() is not None:
            self.app.push_screen(PruneScreen(self.directory))

    def action_seal(self) -> None:
        """Take the checksums that the highlighted chain lacks."""
        chosen = self._chosen()
        if chosen is None:
            return
        if unsealed(chosen[0].chain):
            self.making.seal(chosen[0])
        else:
            self.notify("Every image of the chain has its checksum.")
