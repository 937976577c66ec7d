"""Asks for a file or a directory of this host."""

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from tui.paths import sheets
from tui.screens.dialog import Dialog
from tui.text import plain
from tui.widgets.key_bar import BarKey, KeyBar
from tui.widgets.line import Line
from tui.widgets.path_suggester import LocalPathSuggester
from tui.widgets.plain_input import PlainInput


class PathPrompt(Dialog[Path | None]):
    """Gives a path that is there, or None.

    Args:
        title: what it is for.
        text: what is wanted, in a sentence or two.
        start: what stands there at first.
        file: whether a file is wanted; a directory otherwise.
    """

    CSS_PATH = sheets("dialogs", "images")

    BINDING_GROUP_TITLE = "A path"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, *, title: str, text: str, start: str, file: bool = False) -> None:
        super().__init__()
        self._title, self._text, self._start, self._file = title, text, start, file

    def compose(self) -> ComposeResult:
        """Words, a line to type in, what is wrong with it."""
        with Vertical(classes="dialog acts"):
            yield Line(self._title, classes="dialog-title")
            yield Line(self._text, classes="dialog-text")
            yield PlainInput(self._start, suggester=LocalPathSuggester(), id="path-input")
            yield Line(" ", id="path-error")
            yield KeyBar(
                BarKey("right", "→", "Complete", "cursor_right"),
                BarKey("enter", "Enter", "Take it", "submit"),
            )

    def on_mount(self) -> None:
        """Type on at the end."""
        self.query(Input).focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self._take(event.value)

    @work(group="path", exclusive=True)
    async def _take(self, text: str) -> None:
        path = as_path(text)
        wanted = path.is_file if self._file else path.is_dir
        try:
            there = bool(text) and await asyncio.to_thread(wanted)
        except (OSError, ValueError):
            there = False
        if there:
            self.dismiss(path)
            return
        kind = "file" if self._file else "directory"
        words = f"There is no such {kind}: {plain(text, 200)}" if text else f"Name a {kind}."
        self.query_one("#path-error", Line).show_resized(words)


def as_path(text: str) -> Path:
    """What is typed as a path, with `~` for a home where there is one."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)
