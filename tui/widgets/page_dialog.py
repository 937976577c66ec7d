"""A dialog over most of the screen, with a part that scrolls."""

from textual.containers import Vertical, VerticalScroll
from textual.screen import Screen

_LEAST = 14
"""Lines it has at the least: what is found meanwhile does not have it grow line by line."""


class PageDialog(Vertical):
    """As high as what it holds, and not higher than its style allows: then its body scrolls.

    Textual has a body either take all the room there is, or push out what stands below it.
    """

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:
        super().__init__(id=id, classes=f"dialog page {classes}")

    def on_mount(self) -> None:
        """Follow what it holds, from few lines on: it opens, and is never seen to shrink."""
        self.styles.max_height = _LEAST
        self.screen.screen_layout_refresh_signal.subscribe(self, self._fit)

    def _fit(self, _: Screen[object]) -> None:
        # The screen may be about to go, and its widgets before it.
        body = next(iter(self.query(VerticalScroll)), None) if self.is_attached else None
        if body is None:
            return
        around = self.outer_size.height - body.scrollable_content_region.height
        held = max((each.virtual_region_with_margin.bottom for each in body.children), default=0)
        needed = max(_LEAST, around + held)
        most = self.styles.max_height
        if most is None or most.value != needed:
            self.styles.max_height = needed
