"""What the screens of a list have in common: what is done to a line takes one."""

from typing import ClassVar

from textual import events

from tui.screens.vm_screen import VmScreen

_ENTER = "select_cursor"
"""What Enter means to a table; without lines it means nothing."""


class RowScreen(VmScreen):
    """Keys that act on a line are dimmed while there is none, and say why when they are pressed."""

    OF_A_ROW: ClassVar[frozenset[str]] = frozenset()
    """The acts that take a line."""

    _why_none = ""

    def lacks_rows(self, why: str) -> None:
        """Take note why there is no line; "" where there is one."""
        changed = bool(why) is not bool(self._why_none)
        self._why_none = why
        if changed:
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what takes a line."""
        if self._why_none and action in self.OF_A_ROW:
            return None
        return super().check_action(action, parameters)

    def on_key(self, event: events.Key) -> None:
        """A dimmed key says why it is."""
        if self._why_none and self.act_of(event.key) in {*self.OF_A_ROW, _ENTER}:
            event.stop()
            self.notify(self._why_none, severity="warning", markup=False)
