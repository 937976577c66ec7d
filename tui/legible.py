"""Colours of a theme that can be read on every ground that text stands on here."""

from collections.abc import Container, Mapping, Sequence

from textual.color import Color

LEGIBLE = 4.5
"""The least contrast of text, as WCAG 2.1 asks for (AA)."""

VERY_LEGIBLE = 7.0
"""The same for a high contrast (AAA)."""

_GROUNDS = ("background", "surface", "panel")
_TEXTS = (
    *("foreground", "muted", "accent", "text-success", "text-warning", "text-error", "text-accent"),
    *("footer-key-foreground", "footer-description-foreground", "footer-foreground"),
)
FIELD = "field-focus"
"""The ground of the field in which one types."""

_BLURRED = "block-cursor-blurred-background"
"""That of the line under the cursor of a table that has not the focus."""

_CURSOR, _ON_CURSOR = "block-cursor-background", "block-cursor-foreground"
_ANOTHER_GROUND = 1.2
"""The least contrast by which a ground is seen to be another."""

_TINT = 0.25
_STEPS = 20
_WHITE, _BLACK = Color(255, 255, 255), Color(0, 0, 0)


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
        whole = [*grounds, Color.parse(variables[FIELD]), blurred]
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


def focused_field(variables: Mapping[str, str], *, dark: bool) -> str:
    """The ground of the field with the focus: it stands out from the screen and other fields."""
    lighter, others = (Color.parse(variables[name]) for name in ("surface-lighten-2", "panel"))
    if _is_the_terminals(lighter) or _is_the_terminals(others):
        return variables["surface-lighten-2"]
    # On a light ground what is lighter is no box.
    if dark and contrast(lighter, others) >= _ANOTHER_GROUND:
        return lighter.hex
    return others.blend(Color.parse(variables["primary"]), _TINT, alpha=1.0).hex


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
