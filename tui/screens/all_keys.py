"""The keys of every screen, for the page that lists them."""

from collections.abc import Mapping, Sequence
from typing import Any

from textual.app import App
from textual.binding import BindingType

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
from tui.screens.jobs import JobsScreen
from tui.screens.vm_screen import VmScreen

_SCREENS = (
    *(ConnectScreen, DevicesScreen, BackupScreen, JobsScreen, EventsScreen, HistoryScreen),
    *(ChainsScreen, BitmapsScreen, DoctorScreen, FleetScreen, VmScreen),
)


def key_groups(
    app: type[App[Any]], keymap: Mapping[str, str]
) -> list[tuple[str, Sequence[BindingType]]]:
    """The keys of the app and of each screen, under its title, as the operator has set them."""
    return [
        (str(source.BINDING_GROUP_TITLE), remapped(source.BINDINGS, keymap))
        for source in (app, *_SCREENS)
    ]
