"""BlockDeck's own colours. Everything else refers to them as theme variables."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from textual.app import App
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
        "field-focus": "#005a5a",
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

_NO_COLOURS = frozenset({"name", "dark", "luminosity_spread", "text_alpha", "variables", "ansi"})
_OWN = frozenset(field.name for field in fields(Theme)) - _NO_COLOURS


def colour_names() -> frozenset[str]:
    """The names that a colour of a theme can have."""
    generated = DARK.to_color_system().generate()
    styles = {name for name in generated if name.endswith("-style")}
    return _OWN | {"muted", "field-focus"} | (generated.keys() | DARK.variables.keys()) - styles


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
