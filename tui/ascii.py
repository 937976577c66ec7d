"""A screen for terminals without Unicode: every character one ASCII character a cell wide."""

from functools import lru_cache

from rich.cells import cell_len

_DRAWINGS = {
    "│┃║▏▎▍▕▐▌┊╎": "|",
    "─━═▔╌┄": "-",
    "┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝┏┓┗┛╋┣┫┳┻▖▗▘▝": "+",
    "█▇▉▊▋▀■▮●": "#",
    "▁": "_",
    "▂": ".",
    "▃▄": "-",
    "▅▆": "=",
    "░▒▓▯○": ".",
    "▶►▸→❯›⏵": ">",
    "◀◂←‹⏴": "<",
    "▲▴↑⌃⏶": "^",
    "▼▾↓⏷": "v",
    "…": "~",
    "·•∙": "*",
    "–—−": "-",
    "×✗✘": "x",
    "✓✔": "*",
    "‘’": "'",
    "“”": '"',
    "\u00a0": " ",
}
_TABLE = {ord(sign): plain for signs, plain in _DRAWINGS.items() for sign in signs}


@lru_cache(maxsize=2048)
def _substitute(sign: str) -> str:
    known = _TABLE.get(ord(sign))
    return known if known is not None else "?" * cell_len(sign)


def ascii_only(text: str) -> str:
    """The text in ASCII, as wide on the screen as it was."""
    if text.isascii():
        return text
    return "".join(sign if sign.isascii() else _substitute(sign) for sign in text)
