"""Styles that are parsed again only when they would come out differently."""

from textual.css.stylesheet import Stylesheet


class CalmStylesheet(Stylesheet):
    """A stylesheet for an app whose styles change with its theme alone.

    Textual parses all of it anew whenever a screen is first shown, several times before the first
    paint; here what was parsed with the same variables is kept.
    """

    def __init__(self, *, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._given = dict(variables)

    def set_variables(self, variables: dict[str, str]) -> None:
        """Forget what was parsed, if it was with other variables."""
        if variables != self._given:
            self._given = dict(variables)
            super().set_variables(variables)

    def reparse(self) -> None:
        """Parse what is new; what was parsed with these variables is good."""
        self.parse()
