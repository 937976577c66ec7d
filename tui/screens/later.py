"""Screens that are imported when they are first shown: not one of them delays the first paint."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from textual.screen import Screen


def later(module: str, name: str) -> Callable[[], Screen[Any]]:
    """Makes a screen of a class, given by its name and that of its module in `tui.screens`."""

    def make() -> Screen[Any]:
        screen: Screen[Any] = getattr(import_module(f"tui.screens.{module}"), name)()
        return screen

    return make
