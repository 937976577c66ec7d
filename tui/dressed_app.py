"""How the app looks, whatever is on its screen: its colours, and what keys are called."""

from dataclasses import replace

from textual.binding import Binding
from textual.notifications import Notify
from textual.theme import Theme

from tui.config import Settings
from tui.driver import PatientDriver
from tui.legible import FIELD, LEGIBLE, VERY_LEGIBLE, focused_field, legible
from tui.steady_app import SteadyApp
from tui.stylesheet import CalmStylesheet
from tui.terminal import in_a_browser
from tui.themes import dress

_KEY_NAMES = {
    "enter": "Enter",
    "escape": "Esc",
    "space": "Space",
    "tab": "Tab",
    "delete": "Del",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
}


class DressedApp(SteadyApp):
    """An app in the operator's theme and colours, with texts that can be read.

    Attributes:
        settings: what the operator has set.
    """

    _legible_theme: Theme | None = None

    def __init__(self, settings: Settings) -> None:
        # Textual asks for the colours at once.
        self.settings = settings
        super().__init__(driver_class=None if in_a_browser() else PatientDriver)
        self.wear(settings.theme)
        self.stylesheet = CalmStylesheet(variables=self.get_css_variables())

    def wear(self, theme: str) -> None:
        """Put a theme on, with the colours that the operator has set."""
        dress(self, theme, self.settings.colours)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """`$muted` is text of less weight, the same in every theme that does not say otherwise."""
        return {"muted": "#8a8a8a"}

    def get_css_variables(self) -> dict[str, str]:
        """Every theme with texts that can be read, except where the operator has chosen them."""
        # Asked for several times before the first paint.
        if self._legible_theme is not self.current_theme:
            least = VERY_LEGIBLE if "contrast" in self.theme else LEGIBLE
            given = super().get_css_variables()
            variables = {FIELD: focused_field(given, dark=self.current_theme.dark), **given}
            self.theme_variables = legible(variables, least=least, kept=self.settings.colours)
            self._legible_theme = self.current_theme
        return self.theme_variables

    def on_notify(self, event: Notify) -> None:
        """A toast comes: one that says the same goes, for many of them would cover the screen."""
        come = event.notification
        for there in tuple(self._notifications):
            if (there.message, there.severity) == (come.message, come.severity):
                self._unnotify(there, refresh=False)

    def get_key_display(self, binding: Binding) -> str:
        """Keys as they are printed on keyboards."""
        if binding.key_display:
            return binding.key_display
        *modifiers, key = binding.key.split("+")
        name = _KEY_NAMES.get(key) or super().get_key_display(replace(binding, key=key))
        if modifiers or (key[:1] == "f" and key[1:].isdigit()):
            name = name[:1].upper() + name[1:]
        return "+".join((*map(str.capitalize, modifiers), name))
