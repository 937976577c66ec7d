"""Foreign text made safe to show.

Names and messages come from guests, files and other programs. On a terminal a control character
is a command and an invisible one is a lie, so both are shown as escapes. Markup is left alone:
who shows the text shows it as text, or asks for `markup`.
"""

import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len

ELLIPSIS = "…"

_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

# Characters that count as printable and yet leave no mark of their own: they join, select a variant
# or fill, and two names that look alike could differ in them.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def plain(text: str, limit: int | None = None) -> str:
    r"""The text, with an escape like `\x1b` or `\u202e` for everything that cannot be seen.

    Args:
        text: anything, also with lone surrogates.
        limit: the most terminal cells to take; what is too much is left out of the middle.
    """
    if not text.isprintable() or _UNSEEN.search(text):
        pieces: Sequence[str] = [_visible(character) for character in text]
        text = "".join(pieces)
    else:
        pieces = text
    if limit is None or cell_len(text) <= limit:
        return text
    return _shortened(pieces, limit)


def markup(text: str) -> str:
    """The text for what takes markup and nothing else: it is shown as it is."""
    # Textual's own `escape` doubles a backslash at the end.
    return text.replace("[", "\\[")


def _visible(character: str) -> str:
    if character.isprintable() and not _UNSEEN.match(character):
        return character
    code = ord(character)
    if code < 0x100:
        return _SHORT_ESCAPES.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _shortened(pieces: Sequence[str], limit: int) -> str:
    """The beginning and the end with an ellipsis between them; no escape is cut in two."""
    room = limit - cell_len(ELLIPSIS)
    if room < 0:
        return ""
    head = _fitting(pieces, room - room // 2)
    tail = _fitting(reversed(pieces), room // 2)
    return "".join([*head, ELLIPSIS, *reversed(tail)])


def _fitting(pieces: Iterable[str], room: int) -> list[str]:
    kept: list[str] = []
    for piece in pieces:
        room -= cell_len(piece)
        if room < 0:
            break
        kept.append(piece)
    return kept
