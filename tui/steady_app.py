"""An app that nothing which comes too early or too late brings down.

Keys come in bursts: over a slow line, or from someone who presses Enter twice. By the time that one
is acted on, the dialog that it was meant for may be gone, or not be there yet.
"""

import logging
from collections.abc import Mapping
from typing import Any

from textual._context import active_message_pump
from textual.actions import ActionParseResult
from textual.app import App, ScreenStackError
from textual.await_complete import AwaitComplete
from textual.command import CommandList, CommandPalette
from textual.css.query import NoMatches
from textual.dom import DOMNode, NoScreen
from textual.screen import Screen
from textual.widget import AwaitMount, MountError, Widget
from textual.widgets import OptionList
from textual.worker import WorkerFailed, get_current_worker

from tui.once import once

log = logging.getLogger(__name__)

_GONE = (MountError, NoMatches, NoScreen, ScreenStackError)
"""What is said of a part that is not there, or has no place any more."""


class SteadyApp(App[int]):
    """An app that may be left at any moment, and typed to at any speed."""

    def pop_screen(self) -> AwaitComplete:
        """Close the screen on top, unless that is asked for by one that is closed already.

        A second Enter in a dialog would close what the dialog was opened from, and lose what is
        filled in there.
        """
        if len(self.screen_stack) <= 1 or self._has_gone(active_message_pump.get(self)):
            return AwaitComplete()
        return super().pop_screen()

    def switch_mode(self, mode: str) -> AwaitMount:
        """Go to another screen; the palette goes with the one that it was opened on."""
        if isinstance(self.screen, CommandPalette):
            super().pop_screen()
        return super().switch_mode(mode)

    def _has_gone(self, asking: object) -> bool:
        if asking is self or not isinstance(asking, DOMNode):
            return False
        above = (node for node in asking.ancestors_with_self if isinstance(node, Screen))
        return next(above, None) not in self.screen_stack

    async def run_action(
        self,
        action: "str | ActionParseResult",
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key stands for, unless it is for what is not on the screen any more, or yet."""
        late = default_namespace is not None and self._has_gone(default_namespace)
        if late or ("page_" in str(action) and _has_no_lines(default_namespace)):
            return True
        try:
            return await super().run_action(action, default_namespace, namespaces)
        except NoMatches as missing:
            if default_namespace is None:
                raise
            gone = self._has_gone(default_namespace)  # such as has no screen to be asked
            if not gone and is_whole(default_namespace.screen):
                raise
            log.info("%s came before its screen was there: %s", action, missing)
            return True

    def action_command_palette(self) -> None:
        """Open the palette, unless it is; where one is just being closed, after that."""
        if self._closing_palettes():
            # Two at a time would have the same id. Whoever asks twice is to get one all the same.
            once(self, lambda: not self._closing_palettes(), self.action_command_palette)
        elif not any(isinstance(node, CommandPalette) for node in self._nodes):
            super().action_command_palette()

    def _closing_palettes(self) -> list[CommandPalette]:
        """Those that are on no screen any more, but still there."""
        open_ones = [screen for stack in self._screen_stacks.values() for screen in stack]
        there = (node for node in self._nodes if isinstance(node, CommandPalette))
        return [palette for palette in there if palette not in open_ones]

    def _handle_exception(self, error: Exception) -> None:
        # Widgets are taken away one after the other, as the app ends or a screen is closed. Those
        # that come at that moment, Textual's own as well, look for parts that they do not get any
        # more. That is of no use to anybody, least of all as a traceback to who has left.
        if self._is_no_matter(error):
            log.info("Gone as it came, or not there yet: %s", error)
            return
        super()._handle_exception(error)

    def _is_no_matter(self, error: Exception) -> bool:
        """Whether a part is missed while the app ends, or its screen was closed or still comes."""
        asking: object = active_message_pump.get(self)
        cause: BaseException = error
        of_worker = isinstance(error, WorkerFailed)
        if isinstance(error, WorkerFailed):
            asking, cause = get_current_worker().node, error.error
        # The palette looks for the screen below it by its place in the stack.
        kinds = (*_GONE, IndexError) if isinstance(asking, CommandPalette) else _GONE
        if not isinstance(cause, kinds):
            return False
        if self._exit or not self.is_running or self._has_gone(asking):
            return True
        return of_worker and isinstance(asking, Screen) and not is_whole(asking)


def is_whole(screen: Screen[Any]) -> bool:
    """Whether every widget of a screen is there, also those in containers."""
    widgets = list(screen.walk_children(Widget))
    return bool(widgets) and all(widget.is_mounted for widget in widgets)


def _has_no_lines(node: DOMNode | None) -> bool:
    """Whether this is a list that was not laid out: Textual does not know its lines."""
    if isinstance(node, CommandPalette):
        return all(_has_no_lines(options) for options in node.query(CommandList))
    return isinstance(node, OptionList) and not node.scrollable_content_region
