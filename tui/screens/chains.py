"""The chains of a directory as trees over time, and what can be done with them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Tree

from tui.agent import AgentError
from tui.chain.catalog import Catalog, CatalogPoint, Stack, read_catalog
from tui.chain.directory import Kept
from tui.chain.disks import NeedsFull
from tui.chain.words import point_text
from tui.images.restorable import point_of
from tui.images.seal import unsealed
from tui.keymap import remappable
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
from tui.vm.filenames import file_behind
from tui.vm.remedies import with_advice
from tui.vm.snapshot import Job, VmSnapshot
from tui.widgets.chain_text import describe_chain, describe_point, describe_stack
from tui.widgets.chain_tree import ChainTree, Spot
from tui.widgets.facts import Facts
from tui.widgets.line import Line
from tui.widgets.path_suggester import PathSuggester
from tui.widgets.plain_input import PlainInput
from tui.worker import VmWorker

_LOOK_SECONDS = 2.0
_NONE = "No chain in {directory}. Press s to start one, d for another directory."


class ChainsScreen(VmScreen):
    """A tree of chains and points and, for the one highlighted, all there is to know."""

    BINDING_GROUP_TITLE = "Chains"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "start", "Start", tooltip="Back disks up as the first point of a chain"),
        Binding("n", "next", "Next", tooltip="Back up what was written since the last point"),
        Binding("f", "full", "Full", tooltip="Make a new full point of a chain"),
        Binding("v", "verify", "Verify", tooltip="See whether a point can be restored as it was"),
        Binding("e", "restore", "Restore", tooltip="Restore a disk at this point"),
        Binding("c", "cancel", "Cancel", tooltip="Cancel the point that is being made"),
        # The last ones are left out where room is short.
        Binding("p", "prune", "Prune", tooltip="Delete the points that no rule keeps"),
        Binding("d", "directory", "Directory", tooltip="Show the chains of another one"),
        Binding("k", "seal", "Checksums", tooltip="Take the checksums that a chain lacks"),
        Binding("i", "about", "About", tooltip="All about a point, with its commands"),
    ]
    BINDINGS = remappable("chains", BINDINGS)

    def __init__(self) -> None:
        super().__init__()
        self._catalog: Catalog | None = None
        self._directory = ""
        self._problem = ""
        self._taken_up: set[str] = set()
        self._making: ChainMaking | None = None

    @property
    def making(self) -> ChainMaking:
        """What makes the points."""
        if self._making is None:
            self._making = ChainMaking(self.deck)
        return self._making

    def compose_body(self) -> Iterable[Widget]:
        """Directory, tree, empty state, detail."""
        with Horizontal(id="chain-directory"):
            yield Line("Directory", classes="filter-label")
            suggester = PathSuggester(lambda: self.worker.process if self.worker else None)
            yield PlainInput(suggester=suggester, id="chain-directory-input")
        with Container(id="chains", classes="listed beside"):
            yield ChainTree(id="chain-tree")
            yield Line(id="chains-empty", classes="empty")
            with VerticalScroll(id="chain-detail", can_focus=True, classes="detail"):
                yield Facts(id="chain-detail-text")

    def on_mount(self) -> None:
        """Start on the tree, and look now and then: others make points, too."""
        self.query_one(ChainTree).focus()
        self.set_interval(_LOOK_SECONDS, self._look)

    def on_screen_resume(self) -> None:
        """Another screen may have changed what lies there."""
        super().on_screen_resume()
        self._look()

    def vm_changed(self) -> None:
        """Its backups are elsewhere."""
        self._directory, self._catalog = "", None

    def show_vm(self, vm: VmSnapshot) -> None:
        """A point may have come further; the first time, take the directory of its backups."""
        if not self._directory:
            self._open(self._usual(vm))
        self._show()

    def _usual(self, vm: VmSnapshot) -> str:
        """What is set, else where the last backup went, else where its first disk is."""
        chosen = self.deck.directory or self.deck.settings.directory(vm.address, vm.name)
        chosen = chosen or self.deck.memory.directories.get(vm.uuid or vm.name)
        files = [file_behind(d.medium.filename) for d in vm.devices if d.medium is not None]
        beside = next((str(PurePosixPath(f).parent) for f in files if f.startswith("/")), "/")
        return chosen or beside

    def _open(self, directory: str) -> None:
        self._directory, self._catalog = directory, None
        self.query_one("#chain-directory-input", Input).value = directory
        self._look()

    # --- looking ---------------------------------------------------------------------------------

    @work(group="catalog", exclusive=True)
    async def _look(self) -> None:
        if not self._directory or not self.is_current:
            return
        directory = Path(self._directory)
        try:
            self._catalog, self._problem = await asyncio.to_thread(read_catalog, directory), ""
        except (OSError, ValueError) as error:
            words = getattr(error, "strerror", None) or str(error)
            self._catalog, self._problem = None, f"{self._directory}: {words}"
        if self._whole():
            self._show()
            await self._take_up()

    async def _take_up(self) -> None:
        """See once to points of this VM that an earlier BlockDeck left running."""
        worker, catalog = self.worker, self._catalog
        if worker is None or catalog is None or worker.snapshot.read_only:
            return
        for chain in catalog.chains:
            of = chain.kept.chain
            unfinished = any(not point.complete for point in of.points)
            seen = of.id in self._taken_up or self.making.is_making(of.id)
            same = (of.vm, of.uuid) in _names(worker.snapshot)
            left = unfinished and same and not seen and worker.snapshot.loaded
            if left and await self.making.take_up(worker, chain.kept):
                self._taken_up.add(of.id)

    def _show(self) -> None:
        catalog, vm = self._catalog, self.worker.snapshot if self.worker else None
        shown = catalog or Catalog(Path(self._directory or "/"))
        self.query_one(ChainTree).show_catalog(shown, vm, self._jobs_of, self.making.words)
        empty = not shown.chains and not shown.stacks
        words = self._problem or _NONE.format(directory=self._directory)
        bad = "; ".join(str(error) for error in shown.bad)
        self.query_one("#chains-empty", Line).show_resized(plain(bad or words))
        self.query_one("#chains").set_class(empty, "-empty")
        self.query_one("#chains").set_class(bool(bad), "-bad")
        self._show_detail()

    def _jobs_of(self, point: CatalogPoint) -> tuple[Job, ...]:
        vm = self.worker.snapshot if self.worker else None
        ids = point.point.job_ids.values() if not point.point.complete else ()
        found = (vm.job(job_id) for job_id in ids) if vm is not None else ()
        return tuple(job for job in found if job is not None)

    @property
    def spot(self) -> Spot | None:
        """What is highlighted."""
        return self.query_one(ChainTree).spot

    def _show_detail(self) -> None:
        spot = self.spot
        text: str | Content = ""
        vm = self.worker.snapshot if self.worker else None
        if spot is not None and spot.point is not None:
            text = describe_point(spot.point, self._jobs_of(spot.point))
        elif spot is not None and spot.chain is not None:
            text = describe_chain(vm, spot.chain)
        elif spot is not None and spot.stack is not None:
            text = describe_stack(spot.stack)
        self.query_one("#chain-detail-text", Line).show_resized(text)

    @on(Tree.NodeSelected)
    def _selected(self, event: Tree.NodeSelected[Spot]) -> None:
        """Enter: of what can be restored it is the way to that, of a chain it folds."""
        spot = event.node.data
        if spot is not None and (spot.point is not None or spot.stack is not None):
            if self.deck.only_looks:
                self.notify("BlockDeck is read-only: nothing is restored.", severity="warning")
            else:
                self.action_restore()
        else:
            event.node.toggle()

    @on(Tree.NodeHighlighted)
    def _highlighted(self) -> None:
        self._show_detail()

    # --- acting ----------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is made with a VM, and no file written by a session, that is only to look."""
        if action in ("start", "next", "full", "cancel") and self.read_only:
            return False
        if action in ("restore", "prune", "seal") and self.deck.only_looks:
            return False
        return super().check_action(action, parameters)

    def action_directory(self) -> None:
        """Type another directory."""
        self.query_one("#chain-directory-input", Input).focus()

    @on(Input.Submitted, "#chain-directory-input")
    def _directory_given(self, event: Input.Submitted) -> None:
        event.stop()
        self._open(event.value.strip())
        self.query_one(ChainTree).focus()

    @work(group="chain-act", exclusive=True)
    async def action_start(self) -> None:
        """Choose disks and begin a chain of them."""
        worker = self.worker
        if worker is None:
            return
        chooser = ChooseDisks(
            worker.snapshot.devices,
            self._directory,
            agent=self.making.agent(worker),
            fleece=suggestion(self.deck, worker.snapshot),
            against=partial(against, worker),
            suggester=PathSuggester(lambda: worker.process),
        )
        chosen = await self.app.push_screen_wait(chooser)
        if chosen is None:
            return
        await self.deck.remember_fleece(worker.snapshot, chosen.fleece)
        devices = [d for d in worker.snapshot.devices if d.key in chosen.keys]

        async def start(how: HowMade) -> None:
            await self.making.start(worker, devices, Path(self._directory), how)

        await self._frozen_or_not(start, HowMade(*chosen[1:]))
        self._look()

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
        self._look()

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
        worker, spot = self.worker, self.spot
        chain = spot.chain if spot is not None else None
        points = [p for p in chain.points if not p.point.complete] if chain else []
        jobs = [job for point in points for job in self._jobs_of(point) if job.live]
        if worker is None or not jobs:
            self.notify("No point of this chain is being made.", severity="warning")
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

    # --- acts on images --------------------------------------------------------------------------

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
            self.app.push_screen(verify_images(Path(self._directory), stack))
        elif (chosen := self._chosen()) is not None:
            self.app.push_screen(VerifyScreen(*chosen))

    def action_restore(self) -> None:
        """Restore a disk at the point that is highlighted; of a chain, at its last one."""
        if (stack := self._stack()) is not None:
            self.app.push_screen(restore_images(Path(self._directory), stack))
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
            self.app.push_screen(PruneScreen(Path(self._directory)))

    def action_seal(self) -> None:
        """Take the checksums that the highlighted chain lacks."""
        chosen = self._chosen()
        if chosen is None:
            return
        if unsealed(chosen[0].chain):
            self.making.seal(chosen[0])
        else:
            self.notify("Every image of the chain has its checksum.")


def _names(vm: VmSnapshot) -> tuple[tuple[str, str], ...]:
    """How a chain of this VM calls it; a UUID of zeros is none."""
    return (vm.name, vm.uuid), (vm.name, "")
