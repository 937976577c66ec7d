"""A page with a table, what is to be said of the line under the cursor, and what was done last."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from textual import on, work
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable

from tui.qmp.errors import QmpError
from tui.screens.vm_screen import VmScreen
from tui.text import plain
from tui.vm.snapshot import VmSnapshot
from tui.widgets.columns import Cell, Column
from tui.widgets.facts import Facts
from tui.widgets.line import Line
from tui.widgets.live_table import LiveTable

if TYPE_CHECKING:
    from tui.worker import VmWorker


class Keyed(Protocol):
    """A thing that is told from the others by its key."""

    @property
    def key(self) -> str:
        """What names it among all of them."""


T = TypeVar("T", bound=Keyed)


class TablePage(VmScreen, Generic[T]):
    """The things of one kind that a VM has."""

    PAGE = True

    ONE: ClassVar[str]
    """What the widgets of one thing are called by."""

    ALL: ClassVar[str]
    """What the widgets of all of them are called by."""

    COLUMNS: ClassVar[Sequence[Column]]

    @property
    @abstractmethod
    def things(self) -> tuple[T, ...]:
        """All of them, in order."""

    @abstractmethod
    def row_of(self, one: T) -> dict[str, Cell]:
        """The cells of one."""

    @abstractmethod
    def describe(self, one: T | None) -> Content:
        """All that is to be said of one."""

    @abstractmethod
    def none_words(self, vm: VmSnapshot) -> str:
        """What is said where there is none."""

    @abstractmethod
    async def ask(self, worker: "VmWorker") -> None:
        """Ask QEMU for them again.

        Raises:
            QmpError: it did not answer.
        """

    def compose_body(self) -> Iterable[Widget]:
        """Table, empty state, detail, what was done."""
        with Container(id=self.ALL, classes="listed beside"):
            yield LiveTable(self.COLUMNS, id=f"{self.ONE}-table")
            yield Line(id=f"{self.ALL}-empty", classes="empty")
            with VerticalScroll(id=f"{self.ONE}-detail", can_focus=True, classes="detail"):
                yield Facts(id=f"{self.ONE}-text")
        yield from self.compose_below()
        yield Line(id=f"{self.ONE}-done")

    def compose_below(self) -> Iterable[Widget]:
        """What is between the table and what was done."""
        return ()

    def on_mount(self) -> None:
        """Start on the table, with a fresh look at the VM."""
        self.query(LiveTable).focus()
        self.look()

    @work(group="look", exclusive=True)
    async def look(self) -> None:
        """Ask again, and say so where there is no answer."""
        if self.worker is None:
            return
        try:
            await self.ask(self.worker)
        except QmpError as error:
            self.say(f"This is what was known before: {error}", "$text-warning")

    @property
    def highlighted(self) -> T | None:
        """The one under the cursor."""
        key = self.query_one(LiveTable).selected_key
        return next((found for found in self.things if found.key == key), None)

    def show_vm(self, vm: VmSnapshot) -> None:
        """Show them as they are now."""
        found = self.things
        self.query_one(LiveTable).show({one.key: self.row_of(one) for one in found})
        self.query_one(f"#{self.ALL}-empty", Line).show(self.none_words(vm))
        self.query_one(f"#{self.ALL}").set_class(not found, "-empty")
        self._show_detail()

    def _show_detail(self) -> None:
        text = self.describe(self.highlighted)
        self.query_one(f"#{self.ONE}-text", Line).show_resized(text)
        self.refresh_bindings()

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._show_detail()

    def say(self, words: str, style: str) -> None:
        """Say what was done, or what is wrong."""
        if self.is_mounted:
            text = Content.styled(plain(words, 600), style)
            self.query_one(f"#{self.ONE}-done", Line).show_resized(text)
