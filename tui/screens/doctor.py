"""What nobody uses any more in the QEMU on show, and how to clean it up."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import DataTable

from tui.keymap import remappable
from tui.paths import sheets
from tui.qmp.errors import QmpError
from tui.screens.confirm import Confirm
from tui.screens.table_page import TablePage
from tui.text import plain
from tui.vm.leftover import Leftover
from tui.vm.remedies import with_advice
from tui.vm.snapshot import VmSnapshot
from tui.widgets.columns import Cell
from tui.widgets.leftover_rows import LEFTOVER_COLUMNS, describe_leftover, leftover_row

if TYPE_CHECKING:
    from tui.worker import VmWorker

_DIMMED = frozenset({"clean", "clean_all"})
_NOT_ALONG = "there is nothing that can go without a thought of its own"
_FOREIGN = "Another client made it, and may count on it."


class DoctorScreen(TablePage[Leftover]):
    """The table of leftovers and, for the one highlighted, what it is and what cleaning costs."""

    CSS_PATH = sheets("leftovers")

    ONE, ALL, COLUMNS = "leftover", "leftovers", LEFTOVER_COLUMNS
    BINDING_GROUP_TITLE = "Leftovers"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("d,enter", "clean", "Clean up", tooltip="Clean up the highlighted leftover"),
        Binding("A", "clean_all", "All", tooltip="Clean up all leftovers, one after the other"),
    ]
    BINDINGS = remappable("leftovers", BINDINGS)

    @property
    def things(self) -> tuple[Leftover, ...]:
        """What is left over now."""
        return self.worker.leftovers if self.worker is not None else ()

    def row_of(self, one: Leftover) -> dict[str, Cell]:
        """The cells of one."""
        return leftover_row(one)

    def describe(self, one: Leftover | None) -> Content:
        """What it is, and what cleaning it up costs."""
        return describe_leftover(one)

    def none_words(self, vm: VmSnapshot) -> str:
        """That there is none, or how far that is known."""
        if not vm.graph:
            return "No job and no bitmap is left over. This QEMU does not tell who uses a node."
        return (
            "Nothing is left over: every job, node, filter and bitmap has its owner. "
            "Esc goes back, r looks again."
        )

    async def ask(self, worker: "VmWorker") -> None:
        """Look at the VM, and at what is on record of it."""
        await worker.examine()

    @on(DataTable.RowSelected)
    def _row_selected(self) -> None:
        if not self._tell_why_not("clean"):
            self.action_clean()

    # --- acts ------------------------------------------------------------------------------------

    def _hindrance(self, action: str) -> str | None:
        """Why a key does nothing now."""
        if self.read_only:
            return "BlockDeck is read-only"
        if action == "clean_all":
            return None if self._cleanable() else _NOT_ALONG
        one = self.highlighted
        return "nothing is left over" if one is None else one.hindrance

    def _cleanable(self) -> list[Leftover]:
        """Those that can go, also after others that can, and need no thought of their own."""
        chosen: list[Leftover] = []
        for one in self.things:
            names = {before.name for before in chosen}
            if one.remedy is not None and not one.alone and names.issuperset(one.after):
                chosen.append(one)
        return chosen

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what cannot be done."""
        if action not in _DIMMED:
            return super().check_action(action, parameters)
        return True if self.whole and self._hindrance(action) is None else None

    def on_key(self, event: events.Key) -> None:
        """A dimmed key says why it is."""
        action = self.act_of(event.key)
        if action in _DIMMED and self._tell_why_not(action):
            event.stop()

    def _tell_why_not(self, action: str) -> bool:
        why = self._hindrance(action)
        if why is None:
            return False
        one = self.highlighted if action == "clean" else None
        title = f"{plain(one.title, 60)}: " if one is not None else ""
        self.notify(f"{title}{plain(why, 200)}", severity="warning", markup=False)
        return True

    @work(group="clean")
    async def action_clean(self) -> None:
        """Ask, then clean up the highlighted one."""
        one = self.highlighted
        if one is None or self._hindrance("clean") is not None:
            return
        if await self.app.push_screen_wait(_question(one, self.of_vm)):
            await self._clean([one])

    @work(group="clean")
    async def action_clean_all(self) -> None:
        """Ask, then clean up all of them, one after the other."""
        several = self._cleanable()
        if not several:
            return
        question = (
            _question_for_all(several, self.of_vm)
            if len(several) > 1
            else _question(several[0], self.of_vm)
        )
        if await self.app.push_screen_wait(question):
            await self._clean(several)

    async def _clean(self, several: Sequence[Leftover]) -> None:
        """One after the other, up to the first that fails."""
        for number, one in enumerate(several, 1):
            if self.worker is None:
                return
            name = plain(one.title, 60)
            self.say(f"{number} of {len(several)}: cleaning up {name}", "")
            try:
                needed = await self.worker.clean(one)
            except QmpError as error:
                left = len(several) - number
                rest = f" ({left} not tried)" if left else ""
                self.say(f"NOT DONE: {name}{rest}: {with_advice(error)}", "bold $text-error")
                return
            done = "cleaned up" if needed else "gone already, nothing was sent"
            self.say(f"{number} of {len(several)}: {name} {done}", "$text-success")


def _question(one: Leftover, of_vm: str) -> Confirm:
    does = one.remedy.does if one.remedy else ""
    owner = f" {_FOREIGN}" if one.foreign else ""
    if one.fresh:
        owner += " It was found only just now: its owner may be about to see to it."
    return Confirm(
        title=f"Clean up {plain(one.title, 60)}{of_vm}?",
        text=plain(f"{one.what} {does} Lost: {one.lost}{owner}", 600),
        yes="Clean up",
        no="Leave it",
    )


def _question_for_all(several: Sequence[Leftover], of_vm: str) -> Confirm:
    foreign = [one for one in several if one.foreign]
    named = ", ".join(plain(one.title, 40) for one in several[:6])
    more = f" and {len(several) - 6} more" if len(several) > 6 else ""
    owner = ""
    if foreign:
        owner = f" Other clients made {len(foreign)} of them, and may count on them."
    if any(one.fresh for one in foreign):
        owner += " Some were found only just now: their owner may be about to see to them."
    return Confirm(
        title=f"Clean up all {len(several)} leftovers{of_vm}?",
        text=f"One after the other, until one fails: {named}{more}. Jobs are forgotten "
        "by QEMU, nodes closed, useless bitmaps removed. No image is deleted: what is lost with "
        f"each is told in the list.{owner}",
        yes="Clean up",
        no="Leave them",
    )
