"""The line of keys at the foot of a screen."""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

_SCREENS = "show('"
"""How the actions begin that go to another screen."""

_KEPT = frozenset({"help", "leave", "rescue"})
"""Actions whose keys are never left out; nor is the way back."""


class KeyBar(Footer):
    """The keys that there is room for, none of them cut: the last of them tells of all others.

    Where room is short, the screens at the end of their row share one word (`3-5 More`); where that
    does not help, the last acts of the screen are left out.
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._room = 0

    def compose(self) -> ComposeResult:
        """As many as fit."""
        self._room = self.size.width or self.screen.size.width
        keys = [key for key in super().compose() if isinstance(key, FooterKey)]
        shown = fitted(keys, self._room)
        yield from (key if key in keys else key.data_bind(compact=Footer.compact) for key in shown)

    def on_resize(self) -> None:
        """More or fewer have room."""
        if self.size.width != self._room:
            self.call_after_refresh(self.recompose)


def fitted(keys: Sequence[FooterKey], width: int) -> list[FooterKey]:
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


def _is_kept(key: FooterKey) -> bool:
    return key.action in _KEPT or key.description == "Back"


def _as_one(screens: Sequence[FooterKey], *, whole: bool) -> FooterKey:
    names = [key.key_display for key in screens]
    first, last = names[0], names[-1]
    in_turn = all(name.isdigit() for name in names) and "".join(names) in "123456789"
    name = f"{first}-{last}" if in_turn else " ".join(names)
    # Who clicks on it sees what it stands for.
    return FooterKey("question_mark", name, "Screens" if whole else "More", "help")


def _width(keys: Iterable[FooterKey]) -> int:
    """The cells they take, each with the one that parts it from the next."""
    return sum(cell_len(f"{key.key_display} {key.description} ") for key in keys)
