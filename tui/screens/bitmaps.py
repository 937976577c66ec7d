"""Every dirty bitmap of the QEMU on show, and what can be done to it."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from tui.chain.bitmaps import place_of, price
from tui.keymap import remappable
from tui.paths import sheets
from tui.qmp.errors import QmpError
from tui.screens.bitmap_form import BitmapForm, choosable_nodes
from tui.screens.bitmap_merge import BitmapMerge
from tui.screens.confirm import Confirm
from tui.screens.table_page import TablePage
from tui.text import plain
from tui.vm.bitmap_acts import BitmapAct, BitmapVerb, why_no_source, why_not
from tui.vm.bitmaps import Bitmap, bitmap_nodes, bitmaps_of, unseen
from tui.vm.remedies import with_advice
from tui.vm.snapshot import VmSnapshot
from tui.widgets.bitmap_rows import BITMAP_COLUMNS, bitmap_row, describe_bitmap
from tui.widgets.columns import Cell
from tui.widgets.line import Line

if TYPE_CHECKING:
    from tui.worker import VmWorker

LOOK_EVERY = 5.0
"""Seconds between looks while the screen is on top: no event tells what the guest writes."""

_DONE: Mapping[BitmapVerb, str] = {
    BitmapVerb.ADD: "added",
    BitmapVerb.CLEAR: "cleared",
    BitmapVerb.ENABLE: "records again",
    BitmapVerb.DISABLE: "disabled",
    BitmapVerb.MERGE: "has the marks of the others, too",
    BitmapVerb.REMOVE: "removed",
}


class BitmapsScreen(TablePage[Bitmap]):
    """The table of bitmaps and, for the one highlighted, all that is known of it."""

    CSS_PATH = sheets("bitmaps")

    ONE, ALL, COLUMNS = "bitmap", "bitmaps", BITMAP_COLUMNS
    BINDING_GROUP_TITLE = "Bitmaps"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("a", "add", "Add", tooltip="Add a dirty bitmap to a disk"),
        Binding("c", "clear", "Clear", tooltip="Clear the highlighted bitmap, after asking"),
        Binding("e", "record", "Record", tooltip="Disable the highlighted bitmap, or enable it"),
        Binding("m", "merge", "Merge", tooltip="Merge other bitmaps into the highlighted one"),
        Binding("x", "remove", "Remove", tooltip="Remove the highlighted bitmap, after asking"),
    ]
    BINDINGS = remappable("bitmaps", BINDINGS)
    _ACTIONS: ClassVar[frozenset[str]] = frozenset({"add", "clear", "record", "merge", "remove"})

    def compose_below(self) -> Iterable[Widget]:
        """Whose bitmaps are not seen."""
        yield Line(id="bitmaps-unseen")

    def on_mount(self) -> None:
        """Look again now and then."""
        super().on_mount()
        self.set_interval(LOOK_EVERY, self._look_if_shown)

    def _look_if_shown(self) -> None:
        if self.is_current:
            self.look()

    async def ask(self, worker: "VmWorker") -> None:
        """Look at the VM."""
        await worker.refresh()

    @property
    def things(self) -> tuple[Bitmap, ...]:
        """All bitmaps of the VM."""
        vm = self.worker.snapshot if self.worker is not None else VmSnapshot()
        return bitmaps_of(bitmap_nodes(vm))

    def row_of(self, one: Bitmap) -> dict[str, Cell]:
        """The cells of one."""
        return bitmap_row(one)

    def describe(self, one: Bitmap | None) -> Content:
        """All that is known of it, and what cannot be done to it."""
        verbs = [self._verb_of(action) for action in ("clear", "record", "merge", "remove")]
        reasons = {verb: self._hindrance(verb) for verb in verbs if verb is not None}
        return describe_bitmap(one, reasons)

    def none_words(self, vm: VmSnapshot) -> str:
        """That there is none, and how there comes to be one."""
        return "No disk has a dirty bitmap. a adds one: it records what the guest writes."

    def show_vm(self, vm: VmSnapshot) -> None:
        """Show the bitmaps as they are now, and whose are not seen."""
        super().show_vm(vm)
        hidden = self.query_one("#bitmaps-unseen", Line)
        hidden.show_resized(plain(unseen(bitmap_nodes(vm))))
        hidden.set_class(bool(hidden.text), "-shown")

    # --- acts ------------------------------------------------------------------------------------

    def _hindrance(self, verb: BitmapVerb) -> str | None:
        """Why a key does nothing now."""
        if self.read_only:
            return "BlockDeck is read-only"
        if verb is BitmapVerb.ADD:
            vm = self.worker.snapshot if self.worker is not None else VmSnapshot()
            return None if any(choosable_nodes(vm)) else "this VM has no disk"
        one = self.highlighted
        if one is None:
            return "there is no bitmap"
        why = why_not(verb, one)
        if why is None and verb is BitmapVerb.MERGE and not self._sources(one):
            return "there is no other bitmap to merge into it"
        return why

    def _sources(self, target: Bitmap) -> list[Bitmap]:
        return [other for other in self.things if why_no_source(other, target) is None]

    def _verb_of(self, action: str) -> BitmapVerb | None:
        if action == "record":
            one = self.highlighted
            records = one is not None and one.info.recording
            return BitmapVerb.DISABLE if records else BitmapVerb.ENABLE
        return BitmapVerb(action) if action in self._ACTIONS else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what cannot be done."""
        if action not in self._ACTIONS:
            return super().check_action(action, parameters)
        verb = self._verb_of(action) if self.whole else None
        return True if verb is not None and self._hindrance(verb) is None else None

    def on_key(self, event: events.Key) -> None:
        """A dimmed key says why it is."""
        verb = self._verb_of(self.act_of(event.key) or "")
        why = self._hindrance(verb) if verb is not None else None
        if verb is None or why is None:
            return
        event.stop()
        one = self.highlighted
        title = f" {plain(one.title, 60)}" if one is not None and verb is not BitmapVerb.ADD else ""
        words = f"{verb.value}{title}: {plain(why, 200)}"
        self.notify(words, severity="warning", markup=False)

    @work(group="bitmap")
    async def action_add(self) -> None:
        """Ask what it is to be like, then add it."""
        if self.worker is None:
            return
        node = self.highlighted.node.name if self.highlighted is not None else ""
        form = BitmapForm(self.worker.snapshot, node)
        act = await self.app.push_screen_wait(form)
        if act is not None:
            await self._ask_and_do(act)

    @work(group="bitmap")
    async def action_merge(self) -> None:
        """Ask which ones, then merge them."""
        target = self.highlighted
        if target is None:
            return
        others = [other for other in self.things if other.name]
        act = await self.app.push_screen_wait(BitmapMerge(target, others))
        if act is not None:
            await self._ask_and_do(act)

    @work(group="bitmap")
    async def action_clear(self) -> None:
        """Ask, then clear."""
        await self._ask_about(BitmapVerb.CLEAR)

    @work(group="bitmap")
    async def action_record(self) -> None:
        """Ask, then disable it; or enable it, where it is disabled."""
        await self._ask_about(self._verb_of("record") or BitmapVerb.DISABLE)

    @work(group="bitmap")
    async def action_remove(self) -> None:
        """Ask, then remove."""
        await self._ask_about(BitmapVerb.REMOVE)

    async def _ask_about(self, verb: BitmapVerb) -> None:
        one = self.highlighted
        if one is not None and self._hindrance(verb) is None:
            await self._ask_and_do(BitmapAct(verb, node=one.node.name, name=one.name))

    async def _ask_and_do(self, act: BitmapAct) -> None:
        if self.worker is None or not await self.app.push_screen_wait(self._question(act)):
            return
        name, place = plain(act.name, 60), plain(place_of(act, self.worker.snapshot), 40)
        try:
            await self.worker.change_bitmap(act)
        except QmpError as error:
            words = f"NOT DONE: {act.verb.value} {name} on {place}: {with_advice(error)}"
            self.say(words, "bold $text-error")
            return
        self.say(f"{name} on {place}: {_DONE[act.verb]}", "$text-success")

    def _question(self, act: BitmapAct) -> Confirm:
        vm = self.worker.snapshot if self.worker is not None else VmSnapshot()
        verb = act.verb.value.capitalize()
        into = "into " if act.verb is BitmapVerb.MERGE else ""
        place = plain(place_of(act, vm), 40)
        return Confirm(
            title=f"{verb} {into}{plain(act.name, 60)} on {place}{self.of_vm}?",
            text="\n\n".join(plain(words, 600) for words in price(act, vm)),
            yes=verb,
            no="Leave it",
        )
