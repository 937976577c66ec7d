"""The line of keys at the foot of a screen."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual.content import Content
from textual.events import Leave, MouseDown, MouseMove
from textual.screen import Screen

from tui.widgets.line import Line

_SCREENS = "show('"
"""How the actions begin that go to another screen."""

_KEPT = frozenset({"help", "leave", "rescue"})
"""Actions whose keys are never left out; nor is the way back."""


class BarKey(NamedTuple):
    """A key as it is told at the foot.

    Attributes:
        key: Textual's name of it.
        name: what is printed on it.
        words: what it does.
        action: Textual's name of that.
        enabled: whether it does so now; else it is dimmed.
        tooltip: what who points at it is told.
    """

    key: str
    name: str
    words: str
    action: str
    enabled: bool = True
    tooltip: str = ""

    @property
    def text(self) -> str:
        """Name and words, parted by a cell."""
        return f"{self.name} {self.words}"


class KeyBar(Line):
    """The keys that there is room for, none of them cut: the last of them tells of all others.

    Where room is short, the screens at the end of their row share one word (`3-5 More`); where that
    does not help, the last acts of the screen are left out.

    It is one widget: Textual's own `Footer` has one for each key, and makes all of them anew
    whenever the focus moves, which was a fifth of the time until the first disk was on the screen.

    While a dialog is over the screen none of its keys means anything, and none is told.

    Args:
        first: keys that are told before the others: those of what has the focus, which does not
            tell of them itself.
        id: its name.

    Attributes:
        keys: those that are told, in order.
    """

    ALLOW_SELECT = False

    def __init__(self, *first: BarKey, id: str | None = None) -> None:
        super().__init__(id=id)
        self._first = first
        self.keys: Sequence[BarKey] = ()
        self._pointed: BarKey | None = None
        self._asked = False

    def on_mount(self) -> None:
        """Which keys mean something changes with the focus and with what the VM does."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_updated)
        self.app.screen_change_signal.subscribe(self, self._screen_changed)

    def on_unmount(self) -> None:
        """The screen may outlive it."""
        self.screen.bindings_updated_signal.unsubscribe(self)
        self.app.screen_change_signal.unsubscribe(self)

    def _screen_changed(self, _: Screen[object]) -> None:
        self._tell()

    def on_resize(self) -> None:
        """More or fewer have room."""
        self._tell()

    def _bindings_updated(self, _: Screen[object]) -> None:
        # While the terminal has not the focus nothing on the screen has, and its keys are unknown.
        if self.app.app_focus and not self._asked:
            self._asked = True
            self.call_after_refresh(self._tell)

    def _tell(self) -> None:
        self._asked = False
        if self.is_attached and self.size.width:
            on_top = self.app.screen is self.screen
            told = [*self._first, *self._active()] if on_top else []
            self.keys = fitted(told, self.size.width)
            if self._pointed not in self.keys:
                self._pointed = None
            self._draw()

    def _active(self) -> Iterator[BarKey]:
        """The keys that mean something here; of those that mean the same the first."""
        actions = set()
        for _, binding, enabled, tooltip in self.screen.active_bindings.values():
            if binding.show and binding.action not in actions:
                actions.add(binding.action)
                name = self.app.get_key_display(binding)
                words = binding.description
                yield BarKey(binding.key, name, words, binding.action, enabled, tooltip)

    def _draw(self) -> None:
        pieces: list[tuple[str, str]] = []
        for key in self.keys:
            style = "" if key.enabled else " dim"
            if key == self._pointed:
                style += " on $block-hover-background"
            pieces.append((key.name, f"bold $footer-key-foreground{style}"))
            pieces.append((f" {key.words}", f"$footer-description-foreground{style}"))
            pieces.append((" ", ""))
        self.show(Content.assemble(*pieces[:-1]))

    # --- the mouse -------------------------------------------------------------------------------

    def _at(self, cell: int) -> BarKey | None:
        """The key in that cell."""
        begin = 0
        for key in self.keys:
            end = begin + cell_len(key.text)
            if begin <= cell < end:
                return key
            begin = end + 1
        return None

    def _point_at(self, key: BarKey | None) -> None:
        if key != self._pointed:
            self._pointed = key
            self.tooltip = key.tooltip or None if key is not None else None
            self.styles.pointer = "default" if key is None else "pointer"
            self._draw()

    def on_mouse_move(self, event: MouseMove) -> None:
        """Show which key a click would press."""
        self._point_at(self._at(event.x))

    def on_leave(self, _: Leave) -> None:
        """None any more."""
        self._point_at(None)

    def on_mouse_down(self, event: MouseDown) -> None:
        """Press the key."""
        key = self._at(event.x)
        if key is not None and key.enabled:
            self.app.simulate_key(key.key)
        elif key is not None:
            self.app.bell()


def fitted(keys: Sequence[BarKey], width: int) -> list[BarKey]:
    """The keys that fit in so many cells, the screens at the end of their row as one."""
    if _width(keys) <= width:
        return list(keys)
    screens = [key for key in keys if key.action.startswith(_SCREENS)]
    shown = list(keys)
    for spelled in range(len(screens) - 2, -1, -1):
        folded = screens[spelled:]
        shown = [key for key in keys if key not in folded[1:]]
        shown[shown.index(folded[0])] = _as_one(folded, whole=spelled == 0)
        if _width(shown) <= width:
            return shown
    while _width(shown) > width and (acts := [key for key in shown if not _is_kept(key)]):
        shown.remove(acts[-1])
    return shown


def _is_kept(key: BarKey) -> bool:
    return key.action in _KEPT or key.words == "Back"


def _as_one(screens: Sequence[BarKey], *, whole: bool) -> BarKey:
    names = [key.name for key in screens]
    first, last = names[0], names[-1]
    in_turn = all(name.isdigit() for name in names) and "".join(names) in "123456789"
    name = f"{first}-{last}" if in_turn else " ".join(names)
    # Who clicks on it sees what it stands for.
    return BarKey("question_mark", name, "Screens" if whole else "More", "help")


def _width(keys: Iterable[BarKey]) -> int:
    """The cells they take, each with the one that parts it from the next."""
    return sum(cell_len(key.text) + 1 for key in keys)
