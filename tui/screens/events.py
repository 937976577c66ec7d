"""The stream of QMP events, one readable line each."""

import asyncio
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Input

from tui.keymap import remappable
from tui.paths import sheets
from tui.screens.row_screen import RowScreen
from tui.screens.text_page import TextPage
from tui.text import plain
from tui.vm.events import EventRecord
from tui.vm.merged_events import MergedEvents
from tui.vm.snapshot import VmSnapshot
from tui.widgets.event_list import EventList
from tui.widgets.filter_bar import FilterBar
from tui.widgets.line import Line


class EventsScreen(RowScreen):
    """Follows the newest event, or holds still to read."""

    CSS_PATH = sheets("events")

    BINDING_GROUP_TITLE = "Events"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "Follow", tooltip="Keep the newest event in view, or not"),
        Binding("slash", "filter", "Filter", tooltip="Show only events with these words"),
        Binding("e", "export", "Export", tooltip="Write the events shown to a file, as JSON lines"),
        Binding("escape", "unfilter", "Clear filter", show=False),
    ]
    BINDINGS = remappable("events", BINDINGS)
    OF_A_ROW = frozenset({"open", "export"})

    def __init__(self) -> None:
        super().__init__()
        self._merged = MergedEvents()

    def compose_body(self) -> Iterable[Widget]:
        """Filter, list, and a line that tells where one is."""
        yield FilterBar("words in name, job, meaning", id="event-filter")
        with Container(id="events"):
            yield Line(id="events-empty")
            yield EventList(id="event-list")
        yield Line(id="event-status")

    def on_mount(self) -> None:
        """Start on the list."""
        self.query(EventList).focus()

    def show_vm(self, vm: VmSnapshot) -> None:
        """Show the events of this VM, or of all, that pass the filter."""
        records = self._shown()
        self.query_one(EventList).show(records)
        why = "" if records else self._why_empty()
        self.query_one("#events-empty", Line).show(why)
        self.lacks_rows(why)
        self.query_one("#events").set_class(not records, "-empty")
        self.query_one("#event-status", Line).show(
            self._status(sum(record.times for record in records))
        )

    def _shown(self) -> tuple[EventRecord, ...]:
        words = self.query_one(FilterBar).words.casefold().split()
        workers = self.deck.fleet.in_view
        if len(workers) == 1:
            records = workers[0].events.since(0)
        else:
            records = self._merged.of([(w.snapshot.title, w.events) for w in workers])
        if not words:
            return records
        return tuple(record for record in records if _matches(record, words))

    def _why_empty(self) -> str:
        words = self.query_one(FilterBar).words
        if words and any(worker.events.total for worker in self.deck.fleet.in_view):
            return f"No event matches {plain(words, 60)!r}. Escape clears the filter."
        return "No events yet: start a backup, or wait for the VM to say something."

    def _status(self, shown: int) -> str:
        logs = [worker.events for worker in self.deck.fleet.in_view]
        total, dropped = sum(log.total for log in logs), sum(log.dropped for log in logs)
        following = "following" if self.query_one(EventList).following else "HOLDING (f follows)"
        told = f", the oldest {dropped} no longer held" if dropped else ""
        of = f" of {len(logs)} VMs" if len(logs) > 1 else ""
        return f" {following}, {shown} shown of {total}{of}{told}"

    @on(EventList.Held)
    @on(Input.Changed, "FilterBar Input")
    def _catch_up(self) -> None:
        self.on_screen_resume()

    @on(EventList.Opened)
    def _opened(self, event: EventList.Opened) -> None:
        raw = event.record.event.model_dump(by_alias=True, mode="json")
        self.app.push_screen(TextPage(event.record.name, json.dumps(raw, indent=2)))

    def action_follow(self) -> None:
        """Follow or hold."""
        events = self.query_one(EventList)
        events.follow(not events.following)
        self.on_screen_resume()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()

    def action_unfilter(self) -> None:
        """Take the filter away."""
        self.query_one(FilterBar).close()
        self.query_one(EventList).focus()

    @work(group="export", exclusive=True)
    async def action_export(self) -> None:
        """Write the events shown to a new file in the working directory."""
        records = self._shown()
        path = Path.cwd() / time.strftime("blockdeck-events-%Y%m%d-%H%M%S.jsonl")
        try:
            await asyncio.to_thread(_write, path, records)
        except OSError as error:
            self.notify(f"Not written: {error}", severity="error", markup=False)
            return
        self.notify(f"{len(records)} events written to {plain(str(path))}", markup=False)


def _matches(record: EventRecord, words: list[str]) -> bool:
    hay = f"{record.vm} {record.name} {record.subject} {record.meaning}".casefold()
    return all(word in hay for word in words)


def _write(path: Path, records: Iterable[EventRecord]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        for record in records:
            raw = record.event.model_dump(by_alias=True, mode="json")
            times = {"times": record.times, "last": record.last} if record.times > 1 else {}
            vm = {"vm": record.vm} if record.vm else {}
            file.write(json.dumps(raw | times | vm) + "\n")
