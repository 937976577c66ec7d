"""What of the settings only the UI can judge: keys, theme, colours."""

from collections.abc import Iterator
from difflib import get_close_matches

from textual.color import Color, ColorParseError

from tui.config import Loaded, Mistake, Mistakes
from tui.keymap import key_mistakes
from tui.themes import colour_names, theme_names


def check_ui(loaded: Loaded) -> None:
    """Judge what is about the UI.

    Raises:
        Mistakes: with all that was found.
    """
    found = sorted(_mistakes(loaded), key=lambda pair: pair[0])
    if found:
        raise Mistakes(tuple(mistake for _, mistake in found))


def _mistakes(loaded: Loaded) -> Iterator[tuple[int, Mistake]]:
    settings = loaded.settings

    def mistake(path: tuple[str, ...], sentence: str) -> tuple[int, Mistake]:
        return loaded.origin(path).line or 0, loaded.mistake(path, sentence)

    themes = theme_names()
    if settings.theme not in themes:
        near = get_close_matches(settings.theme, themes, 1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(themes))}"
        yield mistake(("theme",), f"there is no theme {settings.theme!r}; {meant}")
    names = colour_names() if settings.colours else frozenset()
    for name, colour in settings.colours.items():
        if name not in names:
            near = get_close_matches(name, names, 1)
            meant = f"did you mean {near[0]}?" if near else "primary, error and muted are some"
            yield mistake(("colours", name), f"there is no such colour in a theme; {meant}")
            continue
        try:
            Color.parse(colour)
        except ColorParseError:
            words = f"{colour!r} is no colour; colours are written as in #ff8700 or red"
            yield mistake(("colours", name), words)
    if settings.keymap:
        # It imports every screen.
        from tui.key_places import FORM, places

        for binding, sentence in key_mistakes(settings.keymap, places(), FORM):
            group, _, act = binding.partition(".")
            yield mistake(("keys", group, act), sentence)
