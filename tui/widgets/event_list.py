"""The stream of events, drawn line by line from the log: memory and bytes stay small."""

import time
from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.keymap import remappable
from tui.text import plain
from tui.vm.events import EventRecord, Gravity
from tui.vm.labels import LABEL

_GRAVITY = {
    Gravity.INFO: ("  ", "event--info"),
    Gravity.GOOD: ("+ ", "event--good"),
    Gravity.WARNING: ("! ", "event--warning"),
    Gravity.BAD: ("x ", "event--bad"),
}
_SUBJECT, _LONGEST, _BESIDE = 24, 60, 84
"""Cells for what an event is about: what there is room for anywhere, and the most of it; and what
time, meaning and name take beside it."""


class EventList(ScrollView, can_focus=True):
    """Lines with a cursor. While it follows, the newest line is under the cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "event--name",
        "event--info",
        "event--good",
        "event--warning",
        "event--bad",
        "event--cursor",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "move(-1000000)", "First", show=False),
        Binding("end,G", "move(1000000)", "Last", show=False),
        Binding("enter", "open", "JSON", tooltip="Show the event as QEMU sent it"),
    ]
    BINDINGS = remappable("events", BINDINGS)

    class Opened(Message):
        """The event under the cursor is wanted in full."""

        def __init__(self, record: EventRecord) -> None:
            super().__init__()
            self.record = record

    class Held(Message):
        """The operator moved away from the newest event."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._records: Sequence[EventRecord] = ()
        self._told: object = None
        self._vm_width = 0
        self._subject_width = _SUBJECT
        self.cursor = 0
        self.following = True

    def show(self, records: Sequence[EventRecord]) -> None:
        """Show these records, oldest first."""
        vms = frozenset(record.vm for record in records)
        last = records[-1].number if records else 0
        told = (len(records), last, sum(record.times for record in records), vms)
        if told == self._told:
            return
        self._told = told
        self._vm_width = max((cell_len(plain(vm, LABEL)) for vm in vms), default=0)
        subjects = {record.subject for record in records}
        self._subject_width = max((cell_len(plain(one, _LONGEST)) for one in subjects), default=0)
        held = self._records[self.cursor].number if self._records else 0
        self._records = records
        self.virtual_size = Size(self.size.width, len(records))
        if self.following:
            self.cursor = max(0, len(records) - 1)
        else:
            places = (i for i, record in enumerate(records) if record.number >= held)
            self.cursor = next(places, max(0, len(records) - 1))
        self._show_cursor()
        self.refresh()

    @property
    def current(self) -> EventRecord | None:
        """The event under the cursor."""
        return self._records[self.cursor] if self._records else None

    def follow(self, following: bool) -> None:
        """Keep the newest event in view, or hold still."""
        self.following = following
        if following and self._records:
            self._move_to(len(self._records) - 1)

    def action_move(self, lines: int) -> None:
        """Move the cursor; away from the newest event the list holds."""
        if not self._records:
            return
        last = len(self._records) - 1
        self._move_to(min(max(self.cursor + lines, 0), last))
        if self.cursor < last and self.following:
            self.following = False
            self.post_message(self.Held())

    def action_page(self, pages: int) -> None:
        """Move by what is in view."""
        self.action_move(pages * max(1, self.size.height - 1))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what takes an event."""
        return None if action == "open" and not self._records else True

    def action_open(self) -> None:
        """Ask for the event under the cursor in full."""
        if self.current is not None:
            self.post_message(self.Opened(self.current))

    def _move_to(self, line: int) -> None:
        before, self.cursor = self.cursor, line
        top = self.scroll_offset.y
        self._show_cursor()
        if self.scroll_offset.y == top:
            for changed in {before, line}:
                self.refresh(Region(0, changed - top, self.size.width, 1))

    def _show_cursor(self) -> None:
        height = self.size.height
        if height == 0:
            return
        top = round(self.scroll_offset.y)
        if self.cursor < top or self.cursor >= top + height:
            wanted = self.cursor if self.cursor < top else self.cursor - height + 1
            # Of the first line too many the scroll bar is told later.
            self.scroll_to(y=wanted, animate=False, immediate=True, force=True)

    def on_resize(self) -> None:
        """Keep the cursor in view."""
        self.virtual_size = Size(self.size.width, len(self._records))
        self._show_cursor()

    def render_line(self, y: int) -> Strip:
        """Draw one line of what is in view."""
        number = y + round(self.scroll_offset.y)
        width = self.size.width
        if number >= len(self._records):
            return Strip.blank(width, self.rich_style)
        record = self._records[number]
        sign, component = _GRAVITY[record.gravity]
        style = self.get_component_rich_style(component)
        if number == self.cursor and self.has_focus:
            style += self.get_component_rich_style("event--cursor")
        vm_width = min(self._vm_width, width // 5)
        most = max(width // 4, width - vm_width - _BESIDE)
        told = _told(record, sign, vm_width, max(_SUBJECT, min(self._subject_width, most)))
        segments = [Segment(told, style)]
        name = plain(record.name, 24)
        room = width - cell_len(told) - cell_len(name) - 1
        if room > 0:
            # The name is QEMU's, the meaning is what is read: the one does not outshout the other.
            quiet = style
            if number != self.cursor or not self.has_focus:
                quiet = self.get_component_rich_style("event--name")
            segments += [Segment(" " * room, style), Segment(f"{name} ", quiet)]
        return Strip(segments).adjust_cell_length(width, style)


def _told(record: EventRecord, sign: str, vm_width: int, subject_width: int) -> str:
    """Time, what it is about, what it means."""
    clock = time.strftime("%H:%M:%S", time.localtime(record.wall))
    vm = plain(record.vm, vm_width)
    vm += " " * (vm_width + 1 - cell_len(vm)) if record.vm else ""
    subject = plain(record.subject, subject_width)
    subject += " " * (subject_width - cell_len(subject))
    return f" {clock} {sign}{vm}{subject} {plain(record.words, 400)}"
