"""What the pages for images have in common: they run one act, and leave nothing when they end."""

import re
import textwrap
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import ProgressBar

from tui.images.errors import ImageError
from tui.images.progress import Progress
from tui.once import once
from tui.paths import sheets
from tui.screens.confirm import Confirm
from tui.screens.dialog import Dialog
from tui.screens.vm_screen import DOWN
from tui.text import plain
from tui.units import percent, size
from tui.widgets.key_bar import KeyBar
from tui.widgets.line import Line
from tui.widgets.page_dialog import PageDialog

if TYPE_CHECKING:
    from tui.app import BlockDeckApp

_REPAINT = 0.4
"""Seconds between two repaints of the progress, at the least."""

_INDENT = 4
_GAP = re.compile(r" {2,}(?=\S)")
"""What parts the columns of a line."""

_KINDS = ("ready", "bad", "warning")


class _Wrapper(textwrap.TextWrapper):
    """Breaks a path that is longer than a line after one of its slashes."""

    def _split(self, text: str) -> list[str]:
        room = self.width - len(self.subsequent_indent)
        pieces: list[str] = []
        for word in super()._split(text):
            pieces += re.split(r"(?<=[^/]/)(?=[^/])", word) if len(word) > room else [word]
        return pieces


def filled(line: str, width: int) -> str:
    """A line on as many of that width as it takes; it goes on below its last column."""
    columns = [found.end() for found in _GAP.finditer(line)]
    indent = " " * min(columns[-1] if columns else _INDENT, width // 4 * 3)
    return _Wrapper(width, subsequent_indent=indent, break_on_hyphens=False).fill(line)


class ImageActScreen(Dialog[None]):
    """A page with a title, a body, a bar while it runs, and a status."""

    CSS_PATH = sheets("dialogs", "form", "images")

    VERTICAL_BREAKPOINTS = DOWN

    ACT: ClassVar[str] = ""
    """What runs, as a noun."""

    BINDING_GROUP_TITLE = "Images"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "Back")]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._painted = 0.0
        self.running = False

    @property
    def deck(self) -> "BlockDeckApp":
        """The app, as what it is."""
        return cast("BlockDeckApp", self.app)

    def compose(self) -> ComposeResult:
        """Title, body, status, bar, keys."""
        with PageDialog(classes="image-act", id="image-act"):
            yield Line(plain(self._title, 200), classes="dialog-title")
            yield from self.compose_body()
            yield Line(" ", id="act-status")
            yield ProgressBar(total=1.0, show_eta=False, show_percentage=False)
            yield KeyBar()

    def compose_body(self) -> Iterable[Widget]:
        """What is between title and status."""
        raise NotImplementedError

    # --- the act ---------------------------------------------------------------------------------

    def begins(self) -> None:
        """Show that the act runs."""
        self.running = True
        self._painted = 0.0
        self.query_one(ProgressBar).update(progress=0.0)
        self.query_one("#image-act").add_class("-running")
        self.refresh_bindings()

    def ended(self) -> None:
        """Show that it runs no more."""
        self.running = False
        if self.is_mounted and self.query("#image-act"):
            self.query_one("#image-act").remove_class("-running")
            self.refresh_bindings()

    def show_progress(self, come: Progress) -> None:
        """Show how far it is, but not too often: the line may be slow."""
        now = time.monotonic()
        if now - self._painted < _REPAINT or not self.is_mounted:
            return
        self._painted = now
        self.query_one(ProgressBar).update(progress=come.fraction)
        numbers = f"{percent(come.fraction)}, {size(come.done)} of {size(come.total)}"
        self.say(f"{come.step}: {numbers}")

    def say(self, words: str, kind: str = "") -> None:
        """Say in the status how it is: "ready", "bad", "warning"."""
        if not self.is_mounted:
            return
        line = self.query_one("#act-status", Line)
        line.show_resized(plain(words, 500) or " ")
        for known in _KINDS:
            line.set_class(known == kind, f"-{known}")

    def show_lines(
        self, where: str, lines: Iterable[str], look: Callable[[str], str] = lambda _: ""
    ) -> None:
        """Show lines; those too long for the page go on below their last column, or indented.

        Args:
            where: the selector of what shows them.
            lines: as they are copied.
            look: the style of a line.
        """
        if not self.is_mounted:
            return
        if not self.query(where):
            # What the page holds is mounted after it.
            once(self, lambda: self.query(where), self.show_text)
            return
        line = self.query_one(where, Line)
        width = (
            line.parent.scrollable_content_region.width if isinstance(line.parent, Widget) else 0
        )
        # Textual would break them at the edge, where nothing shows what belongs together.
        told = (Content.styled(filled(plain(x), max(20, width)), look(x)) for x in lines)
        line.show_resized(Content("\n").join(told))

    def on_resize(self) -> None:
        """Break the lines anew, once the page has its new size."""
        self.call_after_refresh(self.show_text)

    def show_text(self) -> None:
        """Show the lines of the body."""

    def complain(self, error: ImageError, before: str = "") -> None:
        """Say what is wrong and what to do."""
        self.say(f"{before}{in_sentences(error)}", "bad")

    # --- keys ------------------------------------------------------------------------------------

    def hindrance(self, action: str) -> str | None:
        """Why an act cannot be done now, in words that follow its name; None where it can be."""
        return None

    @property
    def runs_now(self) -> str | None:
        """The hindrance of whatever waits until the act that runs has ended."""
        return f"the {self.ACT} runs; Esc stops it, after a question" if self.running else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what cannot be done."""
        if self.hindrance(action) is not None:
            return None
        return super().check_action(action, parameters)

    def on_key(self, event: events.Key) -> None:
        """A dimmed key says why it is."""
        active = self.active_bindings.get(event.key)
        why = self.hindrance(active.binding.action) if active is not None else None
        if active is not None and why is not None:
            event.stop()
            words = f"{active.binding.description}: {plain(why, 400)}"
            self.notify(words, severity="warning", markup=False)

    @work(group="back", exclusive=True)
    async def action_back(self) -> None:
        """Leave; with the act running, ask first."""
        if self.running and not await self.app.push_screen_wait(self._question()):
            return
        self.dismiss(None)

    def _question(self) -> Confirm:
        return Confirm(
            title=f"Stop the {self.ACT}?",
            text="What it has done so far is lost, and nothing of it is left behind. The backups "
            "are as they were.",
            yes="Stop it",
            no="Let it go on",
        )

    def copy(self, text: str, what: str) -> None:
        """Copy over the terminal."""
        self.app.copy_to_clipboard(text)
        self.notify(f"{what} sent to your terminal's clipboard (OSC 52)")


def in_sentences(error: ImageError) -> str:
    """What is wrong, and what to do."""
    return f"{error.sentence}. {error.advice}".replace(".. ", ". ").strip()
