"""Writes the page about the keys: `python -m tui.keys_reference > docs/reference/keys.md`."""

import sys
from collections.abc import Iterator

from textual.binding import Binding

from tui.app import BlockDeckApp
from tui.screens.backup import BackupScreen
from tui.screens.bitmaps import BitmapsScreen
from tui.screens.chains import ChainsScreen
from tui.screens.connect import ConnectScreen
from tui.screens.devices import DevicesScreen
from tui.screens.doctor import DoctorScreen
from tui.screens.events import EventsScreen
from tui.screens.fleet import FleetScreen
from tui.screens.history import HistoryScreen
from tui.screens.job_page import JobPage
from tui.screens.jobs import JobsScreen
from tui.screens.vm_screen import VmScreen
from tui.widgets.event_list import EventList

_SOURCES = (
    *(BlockDeckApp, VmScreen, ConnectScreen, DevicesScreen, BackupScreen, JobsScreen, JobPage),
    *(EventsScreen, HistoryScreen, ChainsScreen, FleetScreen, BitmapsScreen, DoctorScreen),
)

_LISTS: dict[type, tuple[type, ...]] = {EventsScreen: (EventList,)}

_HEAD = """\
# Keys

`?` shows them in BlockDeck, and `Ctrl+P` offers every act by name. Those with a name in the last
column can be [changed](../configuration.md). This page is generated from the bindings themselves:
`python -m tui.keys_reference > docs/reference/keys.md`.

While a field has the focus, letters are only text. Escape only ever goes back, and jobs go on
in QEMU when BlockDeck is left.
"""


def page() -> str:
    """The page, in Markdown."""
    app = BlockDeckApp()
    return "\n".join([_HEAD, *(line for source in _SOURCES for line in _table(app, source))])


def _table(app: BlockDeckApp, source: type) -> Iterator[str]:
    named = [b for b in _bindings(source) if b.description and b.tooltip]
    if not named:
        return
    title = "Job" if source is JobPage else source.BINDING_GROUP_TITLE  # type: ignore[attr-defined]
    yield from (f"## {title}", "", "| key | what | name |", "|---|---|---|")
    for binding in named:
        keys = " ".join(f"`{app.get_key_display(b)}`" for b in Binding.make_bindings([binding]))
        yield f"| {keys} | {binding.tooltip} | {f'`{binding.id}`' if binding.id else ''} |"
    yield ""


def _bindings(source: type) -> Iterator[Binding]:
    """Its own, those of its mixins, and those of the list in its middle."""
    told: set[str] = set()
    for one in (source, *_LISTS.get(source, ())):
        for ancestor in one.__mro__:
            is_told_elsewhere = ancestor in _SOURCES and ancestor is not source
            if not ancestor.__module__.startswith("tui.") or is_told_elsewhere:
                continue
            for binding in ancestor.__dict__.get("BINDINGS", ()):
                if isinstance(binding, Binding) and binding.action not in told:
                    told.add(binding.action)
                    yield binding


if __name__ == "__main__":
    sys.stdout.write(page())
