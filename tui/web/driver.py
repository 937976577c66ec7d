"""Draws the screen for browsers: textual-serve's driver, which can also draw it anew."""

from textual.drivers.web_driver import WebDriver
from textual.geometry import Size

REPAINT = "repaint"
"""What it is told for a browser that has come later, or could not keep up."""

_MODES = "\x1b[?1049h\x1b[?25l\x1b[?1000h\x1b[?1003h\x1b[?1006h\x1b[?2004h"
"""Alternate screen, no cursor, mouse, bracketed paste: as the first browser was told."""

_CLEAR = "\x1b[2J"


class BrowserDriver(WebDriver):
    """Writes to a `blockdeck serve`, whose browsers may have windows larger than the screen."""

    _drawn: Size | None = None

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        """Obey the server; called from the thread that reads."""
        if packet_type == REPAINT:
            self._app.call_later(self._paint_anew)
        else:
            super().on_meta(packet_type, payload)

    def write(self, data: str) -> None:
        """Write; what a screen of another size has left beside this one is cleared before."""
        stack = self._app.screen_stack
        size = stack[-1].outer_size if stack else None
        if size and size != self._drawn:
            if self._drawn is not None:
                super().write(_CLEAR)
                self._app.call_later(self._app.refresh, layout=True)
            self._drawn = size
        super().write(data)

    def _paint_anew(self) -> None:
        self.write(_MODES)
        self._app.refresh(layout=True)
