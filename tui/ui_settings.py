"""What of the settings only the UI can judge: keys, theme, colours."""

from collections.abc import Iterator
from difflib import get_close_matches

from textual.binding import BindingType
from textual.color import Color, ColorParseError

from tui.app import BlockDeckApp
from tui.config import Loaded, Mistake, Mistakes
from tui.keymap import Place, key_mistakes
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
from tui.themes import colour_names, theme_names
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


def check_ui(loaded: Loaded) -> None:
    """Judge what is about the UI.

    Raises:
        Mistakes: with all that was found.
    """
    found = sorted(_mistakes(loaded), key=lambda pair: pair[0])
    if found:
        raise Mistakes(tuple(mistake for _, mistake in found))


def _mistakes(loaded: Loaded) -> Iterator[tuple[int, Mistake]]:
    settings = loaded.settings
    themes = theme_names()

    def mistake(path: tuple[str, ...], sentence: str) -> tuple[int, Mistake]:
        return loaded.origin(path).line or 0, loaded.mistake(path, sentence)

    if settings.theme not in themes:
        near = get_close_matches(settings.theme, themes, 1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(themes))}"
        yield mistake(("theme",), f"there is no theme {settings.theme!r}; {meant}")
    names = colour_names()
    for name, colour in settings.colours.items():
        if name not in names:
            near = get_close_matches(name, names, 1)
            meant = f"did you mean {near[0]}?" if near else "primary, error and muted are some"
            yield mistake(("colours", name), f"there is no such colour in a theme; {meant}")
            continue
        try:
            Color.parse(colour)
        except ColorParseError:
            words = f"{colour!r} is no colour; colours are written as in #ff8700 or red"
            yield mistake(("colours", name), words)
    for binding, sentence in key_mistakes(settings.keymap, places(), FORM):
        group, _, act = binding.partition(".")
        yield mistake(("keys", group, act), sentence)
