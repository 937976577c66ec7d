"""The chains of a directory as trees over time, and what can be done with them."""

import asyncio
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Tree

from tui.chain.catalog import Catalog, read_catalog
from tui.keymap import remappable
from tui.paths import sheets
from tui.screens.chain_acts import ChainActs
from tui.text import plain
from tui.vm.filenames import file_behind
from tui.vm.snapshot import VmSnapshot
from tui.widgets.chain_text import POINT_HEADINGS, describe_chain, describe_point, describe_stack
from tui.widgets.chain_tree import ChainTree, Spot
from tui.widgets.facts import Facts
from tui.widgets.line import Line
from tui.widgets.path_suggester import PathSuggester
from tui.widgets.plain_input import PlainInput

_LOOK_SECONDS = 2.0
_OF_WHAT_IS_THERE = frozenset(
    ("next", "full", "verify", "restore", "cancel", "prune", "seal", "about")
)
"""Actions that need something to act upon."""

_NONE = "No chain in {directory}. Press s to start one, d for another directory."


class ChainsScreen(ChainActs):
    """A tree of chains and points and, for the one highlighted, all there is to know."""

    CSS_PATH = sheets("chains")

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
        self._nothing = False
        self._made = False

    def compose_body(self) -> Iterable[Widget]:
        """Directory, tree, empty state, detail."""
        with Horizontal(id="chain-directory"):
            yield Line("Directory", classes="filter-label")
            suggester = PathSuggester(lambda: self.worker.process if self.worker else None)
            yield PlainInput(suggester=suggester, id="chain-directory-input")
        with Container(id="chains", classes="listed beside"):
            with Vertical(classes="list"):
                yield Line(POINT_HEADINGS, id="chain-headings")
                yield ChainTree(id="chain-tree")
            yield Line(id="chains-empty", classes="empty")
            with VerticalScroll(id="chain-detail", can_focus=True, classes="detail"):
                yield Facts(id="chain-detail-text")

    def on_mount(self) -> None:
        """Start on the tree, and look now and then: others make points, too."""
        self.query(ChainTree).focus()
        self.set_interval(_LOOK_SECONDS, self.look)

    def on_screen_resume(self) -> None:
        """Another screen may have changed what lies there."""
        super().on_screen_resume()
        self.look()

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
        self.look()

    # --- looking ---------------------------------------------------------------------------------

    @work(group="catalog", exclusive=True)
    async def look(self) -> None:
        """Read what lies there, and see to points that were left running."""
        if not self._directory or not self.is_current:
            return
        try:
            self._catalog, self._problem = await asyncio.to_thread(read_catalog, self.directory), ""
        except (OSError, ValueError) as error:
            words = getattr(error, "strerror", None) or str(error)
            self._catalog, self._problem = None, f"{self._directory}: {words}"
        if self.whole:
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
        self.query_one(ChainTree).show_catalog(shown, vm, self.jobs_of, self.making.words)
        self._show_empty(shown)
        self._show_detail()

    def _show_empty(self, shown: Catalog) -> None:
        empty = not shown.chains and not shown.stacks
        words = self._problem or _NONE.format(directory=self._directory)
        bad = "; ".join(str(error) for error in shown.bad)
        self.query_one("#chains-empty", Line).show_resized(plain(bad or words))
        self.query_one("#chains").set_class(empty, "-empty")
        self.query_one("#chains").set_class(bool(bad), "-bad")
        nothing = self._catalog is not None and empty and not bad
        if nothing is not self._nothing:
            self._nothing = nothing
            self.refresh_bindings()

    @property
    def directory(self) -> Path:
        """The directory that is shown."""
        return Path(self._directory)

    @property
    def spot(self) -> Spot | None:
        """What is highlighted."""
        return self.query_one(ChainTree).spot

    def _show_detail(self) -> None:
        spot = self.spot
        text: str | Content = ""
        vm = self.worker.snapshot if self.worker else None
        if spot is not None and spot.point is not None:
            text = describe_point(spot.point, self.jobs_of(spot.point))
        elif spot is not None and spot.chain is not None:
            text = describe_chain(vm, spot.chain)
        elif spot is not None and spot.stack is not None:
            text = describe_stack(spot.stack)
        self.query_one("#chain-detail-text", Line).show_resized(text)
        made = bool(self.being_made)
        if made is not self._made:
            self._made = made
            self.refresh_bindings()

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
        """Nothing is made with a VM, and no file written by a session, that is only to look.

        Where nothing lies the keys are those that begin.
        """
        if action in _OF_WHAT_IS_THERE and self._nothing:
            return False
        if action in ("start", "next", "full", "cancel") and self.read_only:
            return False
        if action in ("restore", "prune", "seal") and self.deck.only_looks:
            return False
        if action == "cancel" and not self._made:
            return None
        return super().check_action(action, parameters)

    def on_key(self, event: events.Key) -> None:
        """A dimmed key says why it is."""
        if self.act_of(event.key) == "cancel" and not self._made:
            event.stop()
            self.notify("No point of this chain is being made.", severity="warning")

    def action_directory(self) -> None:
        """Type another directory."""
        self.query_one("#chain-directory-input", Input).focus()

    @on(Input.Submitted, "#chain-directory-input")
    def _directory_given(self, event: Input.Submitted) -> None:
        event.stop()
        self._open(event.value.strip())
        self.query_one(ChainTree).focus()


def _names(vm: VmSnapshot) -> tuple[tuple[str, str], ...]:
    """How a chain of this VM calls it; a UUID of zeros is none."""
    return (vm.name, vm.uuid), (vm.name, "")
