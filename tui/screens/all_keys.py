"""The keys of every screen, for the pages that list them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual.app import App
from textual.binding import Binding
from textual.screen import Screen

from tui.keymap import remapped
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

Source = type[Screen[Any]]

SCREENS: tuple[Source, ...] = (
    *(VmScreen, ConnectScreen, DevicesScreen, BackupScreen, JobsScreen, JobPage),
    *(EventsScreen, HistoryScreen, ChainsScreen, FleetScreen, BitmapsScreen, DoctorScreen),
)
"""Those with keys of their own."""

_LISTS: dict[type, tuple[type, ...]] = {EventsScreen: (EventList,)}


def key_groups(
    app: type[App[Any]], keymap: Mapping[str, str], shown: Source
) -> list[tuple[str, Sequence[Binding]]]:
    """The keys of the screen that is shown, of the app, and of every other screen.

    Each under its title, with the keys that the operator has set.
    """
    others = [source for source in SCREENS if source is not shown]
    sources: list[type] = [shown, app, *others] if shown in SCREENS else [app, *others]
    groups = []
    for source in sources:
        bindings = remapped(bindings_of(source), keymap)
        told = [b for b in bindings if isinstance(b, Binding) and b.description]
        groups.append((title_of(source), told))
    return [group for group in groups if group[1]]


def title_of(source: type) -> str:
    """What a place is called."""
    return str(source.BINDING_GROUP_TITLE)  # type: ignore[attr-defined]  # App and Screen have it


def bindings_of(source: type) -> Iterator[Binding]:
    """Its own, and those of its mixins and of the list in its middle, but of no other screen."""
    told: set[str] = set()
    for one in (source, *_LISTS.get(source, ())):
        for ancestor in one.__mro__:
            is_told_elsewhere = ancestor in SCREENS and ancestor is not source
            if not ancestor.__module__.startswith("tui.") or is_told_elsewhere:
                continue
            for binding in ancestor.__dict__.get("BINDINGS", ()):
                if isinstance(binding, Binding) and binding.action not in told:
                    told.add(binding.action)
                    yield binding
