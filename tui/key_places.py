"""What can be done at the same time, and so must not have the same keys."""

from textual.binding import BindingType

from tui.app import BlockDeckApp
from tui.keymap import Place
from tui.screens.backup import BackupScreen
from tui.screens.bitmaps import BitmapsScreen
from tui.screens.chains import ChainsScreen
from tui.screens.devices import DevicesScreen
from tui.screens.doctor import DoctorScreen
from tui.screens.events import EventsScreen
from tui.screens.history import HistoryScreen
from tui.screens.image_act import ImageActScreen
from tui.screens.job_page import JobPage
from tui.screens.jobs import JobsScreen
from tui.screens.prune import PruneScreen
from tui.screens.restore import RestoreScreen
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
    )
    of_lists = (_place(screen, inside, VmScreen, BlockDeckApp) for screen, inside in lists)
    of_page = _place(JobPage, JobsScreen, VmScreen, BlockDeckApp)
    jobs_alone = {"jobs.open_page", "jobs.clear"}
    page = tuple(b for b in of_page if getattr(b, "id", None) not in jobs_alone)
    of_images = (
        _place(each, ImageActScreen) for each in (VerifyScreen, RestoreScreen, PruneScreen)
    )
    return (*of_lists, page, *of_images, FORM)


def _place(*sources: type) -> Place:
    bindings: list[BindingType] = []
    for source in sources:
        bindings.extend(source.BINDINGS)  # type: ignore[attr-defined]  # App and Widget have it
    return tuple(bindings)
