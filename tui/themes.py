"""BlockDeck's own colours. Everything else refers to them as theme variables."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from textual.app import App
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="blockdeck-dark",
    primary="#5fafd7",
    secondary="#87afaf",
    accent="#ffaf5f",
    foreground="#d0d0d0",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    success="#87d787",
    warning="#ffd75f",
    error="#ff5f5f",
    dark=True,
    variables={
        "border": "#444444",
        "border-blurred": "#303030",
        "block-cursor-background": "#005f87",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#303030",
        "block-cursor-blurred-foreground": "#d0d0d0",
        "block-cursor-blurred-text-style": "none",
        "footer-background": "#262626",
        "footer-key-foreground": "#ffaf5f",
        "footer-description-foreground": "#bcbcbc",
        "input-selection-background": "#005f87",
        "input-cursor-background": "#d0d0d0",
        "input-cursor-foreground": "#121212",
        "scrollbar": "#444444",
        "scrollbar-background": "#1c1c1c",
    },
)

CONTRAST = Theme(
    name="blockdeck-contrast",
    primary="#00ffff",
    secondary="#ffffff",
    accent="#ffff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#333333",
    success="#00ff00",
    warning="#ffff00",
    error="#ff8080",
    dark=True,
    variables={
        "muted": "#ffffff",
        "border": "#ffffff",
        "border-blurred": "#a0a0a0",
        "block-cursor-background": "#ffffff",
        "block-cursor-foreground": "#000000",
        "block-cursor-text-style": "bold",
        "footer-background": "#333333",
        "footer-key-foreground": "#ffff00",
        "footer-description-foreground": "#ffffff",
    },
)

LIGHT = Theme(
    name="blockdeck-light",
    primary="#005f87",
    secondary="#4e6a6a",
    accent="#a04000",
    foreground="#262626",
    background="#fafafa",
    surface="#f0f0f0",
    panel="#e4e4e4",
    success="#1a6b1a",
    warning="#7a5200",
    error="#b00020",
    dark=False,
    variables={
        "muted": "#585858",
        "border": "#a8a8a8",
        "border-blurred": "#c6c6c6",
        "block-cursor-background": "#005f87",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#d0d0d0",
        "block-cursor-blurred-foreground": "#262626",
        "block-cursor-blurred-text-style": "none",
        "footer-background": "#e4e4e4",
        "footer-key-foreground": "#a04000",
        "footer-description-foreground": "#3a3a3a",
        "input-selection-background": "#9ecbe0",
        "input-cursor-background": "#262626",
        "input-cursor-foreground": "#fafafa",
        "scrollbar": "#a8a8a8",
        "scrollbar-background": "#f0f0f0",
    },
)

CONTRAST_LIGHT = Theme(
    name="blockdeck-contrast-light",
    primary="#00008b",
    secondary="#000000",
    accent="#00008b",
    foreground="#000000",
    background="#ffffff",
    surface="#ffffff",
    panel="#dcdcdc",
    success="#004d00",
    warning="#5c3d00",
    error="#8b0000",
    dark=False,
    variables={
        "muted": "#000000",
        "border": "#000000",
        "border-blurred": "#606060",
        "block-cursor-background": "#000000",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "footer-background": "#dcdcdc",
        "footer-key-foreground": "#00008b",
        "footer-description-foreground": "#000000",
    },
)

OWN = (DARK, LIGHT, CONTRAST, CONTRAST_LIGHT)

LEGIBLE = 4.5
"""The least contrast of text, as WCAG 2.1 asks for (AA)."""

VERY_LEGIBLE = 7.0
"""The same for a high contrast (AAA)."""

_GROUNDS = ("background", "surface", "panel")
_TEXTS = (
    *("foreground", "muted", "accent", "text-success", "text-warning", "text-error", "text-accent"),
    *("footer-key-foreground", "footer-description-foreground", "footer-foreground"),
)
_FIELD = "surface-lighten-2"
"""The ground of the field in which one types."""

_BLURRED = "block-cursor-blurred-background"
"""That of the line under the cursor of a table that has not the focus."""

_CURSOR, _ON_CURSOR = "block-cursor-background", "block-cursor-foreground"
_STEPS = 20
_WHITE, _BLACK = Color(255, 255, 255), Color(0, 0, 0)
_NO_COLOURS = frozenset({"name", "dark", "luminosity_spread", "text_alpha", "variables", "ansi"})
_OWN = frozenset(field.name for field in fields(Theme)) - _NO_COLOURS


def colour_names() -> frozenset[str]:
    """The names that a colour of a theme can have."""
    generated = DARK.to_color_system().generate()
    styles = {name for name in generated if name.endswith("-style")}
    return _OWN | {"muted"} | (generated.keys() | DARK.variables.keys()) - styles


def theme_names() -> frozenset[str]:
    """The themes there are."""
    return frozenset({*(theme.name for theme in OWN), *BUILTIN_THEMES})


def dress(app: App[Any], theme: str, colours: Mapping[str, str]) -> None:
    """Put a theme on, with some of its colours changed."""
    for own_theme in OWN:
        app.register_theme(own_theme)
    chosen = app.get_theme(theme) or DARK
    own = {name: colour for name, colour in colours.items() if name in _OWN}
    variables = {name: colour for name, colour in colours.items() if name not in _OWN}
    changed: Any = {**own, "variables": {**chosen.variables, **variables}}
    app.register_theme(replace(chosen, **changed))
    app.theme = chosen.name


# --- to be read -----------------------------------------------------------------------------------


def legible(
    variables: Mapping[str, str], *, least: float = LEGIBLE, kept: Container[str] = ()
) -> dict[str, str]:
    """The variables of a theme, its texts moved towards white or black until they can be read.

    Not every theme has minded the grounds that text stands on here. What the terminal itself
    colours (`ansi_…`) is left as it is.

    Args:
        variables: by name, as for CSS.
        least: the contrast that each text has with each of its grounds.
        kept: what is not changed, for the operator wants it so.
    """
    changed = dict(variables)
    grounds = [Color.parse(variables[name]) for name in _GROUNDS]
    if not any(_is_the_terminals(ground) for ground in grounds):
        blurred = grounds[0] + Color.parse(variables[_BLURRED])
        whole = [*grounds, Color.parse(variables[_FIELD]), blurred]
        for name in _TEXTS:
            if name in variables and name not in kept:
                on = whole if name == "foreground" else grounds
                changed[name] = _moved(variables[name], on, least)
        changed |= _cursor(variables, least, kept)
    return changed


def _cursor(variables: Mapping[str, str], least: float, kept: Container[str]) -> dict[str, str]:
    """The line under the cursor; the ground of a text that is white or black moves itself."""
    ground, text = Color.parse(variables[_CURSOR]), variables[_ON_CURSOR]
    if _ON_CURSOR in kept or _is_the_terminals(ground):
        return {}
    if not text.startswith("auto"):
        return {_ON_CURSOR: _moved(text, [ground], least)}
    # The ground shines through, as in "auto 87%".
    opaque = float(text.removeprefix("auto").strip(" %") or 100) / 100
    faint = ground.get_contrast_text(opaque)
    if contrast(ground + faint, ground) >= least:
        return {}
    if _CURSOR in kept:
        return {_ON_CURSOR: max(_WHITE, _BLACK, key=lambda ink: contrast(ink, ground)).hex}
    solid = faint.with_alpha(1.0)
    return {_ON_CURSOR: solid.hex, _CURSOR: _moved(ground.hex, [solid], least)}


def contrast(one: Color, other: Color) -> float:
    """How far apart the brightness of two colours is, from 1 to 21, as WCAG 2.1 has it."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _moved(text: str, grounds: Sequence[Color], least: float) -> str:
    if text.startswith("auto"):
        # Textual takes white or black, whatever stands out.
        return text
    colour = Color.parse(text)
    if _is_the_terminals(colour):
        return text

    def worst(of: Color) -> float:
        return min(contrast(of, ground) for ground in grounds)

    end = max(_WHITE, _BLACK, key=worst)
    moved = (colour.blend(end, step / _STEPS, alpha=1.0) for step in range(_STEPS + 1))
    # Between two grounds that are far apart nothing is legible on both.
    return next((each.hex for each in moved if worst(each) >= least), end.hex)


def _luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _is_the_terminals(colour: Color) -> bool:
    return colour.ansi is not None
