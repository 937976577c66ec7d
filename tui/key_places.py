"""What can be done at the same time, and so must not have the same keys."""

from textual.binding import BindingType

from tui.app import BlockDeckApp
from tui.keymap import Place
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
from tui.screens.prune import PruneScreen
from tui.screens.restore import RestoreScreen
from tui.screens.text_page import TextPage
from tui.screens.verify import VerifyScreen
from tui.screens.vm_screen import VmScreen
from tui.widgets.chain_tree import ChainTree
from tui.widgets.event_list import EventList
from tui.widgets.live_table import LiveTable

FORM: Place = (*BackupScreen.BINDINGS, *VmScreen.BINDINGS, *BlockDeckApp.BINDINGS)


def places() -> tuple[Place, ...]:
    """What can be done together, screen by screen."""
    lists: tuple[tuple[type, type], ...] = (
        (DevicesScreen, LiveTable),
        (JobsScreen, LiveTable),
        (HistoryScreen, LiveTable),
        (ChainsScreen, ChainTree),
        (DoctorScreen, LiveTable),
        (BitmapsScreen, LiveTable),
        (EventsScreen, EventList),
        (FleetScreen, LiveTable),
    )
    of_lists = (_place(screen, inside, BlockDeckApp) for screen, inside in lists)
    page = _place(JobPage, BlockDeckApp)
    of_connect = _place(ConnectScreen, LiveTable, BlockDeckApp)
    # No VM is asked again where one is chosen: that key looks for VMs again there.
    connect = tuple(b for b in of_connect if getattr(b, "id", "") != "app.refresh")
    alone = (_place(each) for each in (VerifyScreen, RestoreScreen, PruneScreen, TextPage))
    return (*of_lists, page, connect, *alone, FORM)


def _place(*sources: type) -> Place:
    """What can be done on these, and on what they are made of."""
    bindings: list[BindingType] = []
    for part in (part for source in sources for part in source.__mro__):
        if part.__module__.startswith("tui."):
            own = part.__dict__.get("BINDINGS", ())
            bindings.extend(binding for binding in own if binding not in bindings)
    return tuple(bindings)
