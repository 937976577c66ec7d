"""The settings of this run: read once, when a command first needs them."""

import functools
from typing import TYPE_CHECKING, Any, TypeVar

from tui.cli.failure import Failure, Status
from tui.cli.output import note

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.config import Loaded, Mistakes, Settings

_T = TypeVar("_T")


@functools.cache
def settings() -> "Settings":
    """What is in force, options aside.

    Raises:
        Failure: there are mistakes in it; each has been told.
    """
    return read_settings().settings


def read_settings(options: dict[str, Any] | None = None, *, for_ui: bool = False) -> "Loaded":
    """The settings with where they come from; `for_ui`, also judged by the UI.

    Raises:
        Failure: there are mistakes in them; each has been told.
    """
    from tui.config import load

    loaded = _told(lambda: load(options=options))
    if for_ui:
        from tui.ui_settings import check_ui

        _told(lambda: check_ui(loaded))
    return loaded


def _told(act: "Callable[[], _T]") -> _T:
    from tui.config import Mistakes

    try:
        return act()
    except Mistakes as error:
        for mistake in error.mistakes:
            note(str(mistake))
        raise _failure(error) from error


def _failure(error: "Mistakes") -> Failure:
    count = len(error.mistakes)
    counted = "is a mistake" if count == 1 else f"are {count} mistakes"
    advice = "What can be set: blockdeck config --help"
    return Failure(f"there {counted} in the settings", advice, Status.USAGE)
