"""What a terminal shows, so that it is sent nothing that it shows already.

Textual paints whole rows of a widget of which one cell has changed, and tells with each piece of
text all of its style. Over SSH every byte counts: what is sent here are the cells that differ, with
what differs in their style.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from rich.cells import get_character_cell_size

_TOKEN = re.compile(
    r"\x1b\[(?P<row>\d+);(?P<column>\d+)H"
    r"|\x1b\[(?P<style>[\d;]*)m"
    r"|\x1b\[\?2026(?P<sync>[hl])"
    r"|(?P<feed>\r?\n)"
    r"|(?P<text>[^\x00-\x1f\x7f]+)"
    r"|(?P<other>\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b?.)",
    re.DOTALL,
)
_HARMLESS = re.compile(
    r"\x1b\[\?(?:7|25|1000|1002|1003|1004|1006|1015|2004|2031|2048)[hl]"
    r"|\x1b\[[<>=?]?[\d;]*(?:u|\$p|c)|\x1b\[\?[\d;]*\$p|\x1b\](?!8;).*",
    re.DOTALL,
)
"""What changes neither a cell nor where the cursor is."""

_GAP = 4
"""So many cells that are as they were are sent again rather than stepped over."""

_UNKNOWN = "\0"
_WIDE = ""
"""What a cell holds that is the second half of the one before."""


class _Style(NamedTuple):
    """The parameters of an SGR sequence, sorted by what they set."""

    flags: frozenset[str]
    foreground: str
    background: str


class ShownCells:
    """The cells of one terminal.

    Call `changes` with all that is to be sent, and send what it returns in its place.
    """

    def __init__(self) -> None:
        self._size = (0, 0)
        self._signs: list[list[str]] = []
        self._styles: list[list[str]] = []
        self._changed: dict[int, set[int]] = {}
        # Where Textual is, and how it writes there.
        self._row = self._column = 0
        self._style = ""
        # Where a frame leaves the cursor, if it says so at its end.
        self._cursor: tuple[int, int] | None = None
        # Where the terminal is.
        self._there: tuple[int, int] | None = None
        self._style_there = ""
        self._sync_wanted = self._sync_begun = False

    def forget(self) -> None:
        """Nothing is known of the terminal any more: everything that comes is sent."""
        columns, rows = self._size
        self._signs = [[_UNKNOWN] * columns for _ in range(rows)]
        self._styles = [[""] * columns for _ in range(rows)]
        self._changed.clear()
        self._there = None

    def changes(self, data: str, size: tuple[int, int]) -> str:
        """What of this the terminal does not show; "" where that is nothing.

        Args:
            data: what Textual has for the terminal: text, styles, moves, and what else there is.
            size: columns and rows of the terminal now.
        """
        if size != self._size:
            self._size = size
            self.forget()
        sent: list[str] = []
        for token in _TOKEN.finditer(data):
            kind = token.lastgroup
            if kind not in ("column", "sync"):
                self._cursor = None
            match kind:
                case "column":
                    self._row, self._column = int(token["row"]) - 1, int(token["column"]) - 1
                    self._cursor = self._row, self._column
                case "style":
                    self._set_style(token["style"])
                case "text":
                    self._put(token["text"])
                case "feed":
                    self._row += 1
                case "sync":
                    self._sync(token["sync"], sent)
                case _:
                    self._pass_on(token[0], sent)
        self._finish(sent)
        return "".join(sent)

    # --- what Textual says -----------------------------------------------------------------------

    def _set_style(self, parameters: str) -> None:
        if parameters in ("", "0"):
            self._style = ""
        elif parameters.startswith("0;"):
            self._style = parameters[2:]
        else:
            self._style = f"{self._style};{parameters}" if self._style else parameters

    def _put(self, text: str) -> None:
        columns, rows = self._size
        if not 0 <= self._row < rows:
            return
        signs, styles = self._signs[self._row], self._styles[self._row]
        changed = self._changed.setdefault(self._row, set())
        column, style = self._column, self._style
        if text.isascii() and _WIDE not in signs:
            # Almost all of every screen: no sign is wide, and none is broken.
            for at, sign in zip(range(column, columns), text, strict=False):
                if signs[at] != sign or styles[at] != style:
                    signs[at], styles[at] = sign, style
                    changed.add(at)
            self._column = min(self._column + len(text), columns)
            return
        for sign in text:
            width = 1 if sign.isascii() else get_character_cell_size(sign)
            if width == 0:
                # It joins the sign before it, which is sent again with it.
                if 0 < column <= columns and signs[column - 1] not in (_UNKNOWN, _WIDE):
                    signs[column - 1] += sign
                    changed.add(column - 1)
                continue
            if column + width > columns:
                break
            if signs[column] != sign or styles[column] != style:
                changed.update(self._break_wide(signs, column, width))
                signs[column], styles[column] = sign, style
                changed.add(column)
                if width == 2:
                    signs[column + 1], styles[column + 1] = _WIDE, style
            column += width
        self._column = column

    @staticmethod
    def _break_wide(signs: list[str], column: int, width: int) -> list[int]:
        """Of a wide sign that is written over in part the other half is blank; tells which."""
        halves = []
        if signs[column] == _WIDE and column > 0:
            halves.append(column - 1)
        after = column + width
        if after < len(signs) and signs[after] == _WIDE:
            halves.append(after)
        for half in halves:
            signs[half] = " "
        return halves

    def _sync(self, which: str, sent: list[str]) -> None:
        """Textual marks each of its frames: the marks of one without changes are not sent."""
        if which == "h":
            self._sync_wanted = True
            return
        self._finish(sent)
        if self._sync_begun:
            sent.append("\x1b[?2026l")
        self._sync_wanted = self._sync_begun = False

    def _pass_on(self, sequence: str, sent: list[str]) -> None:
        self._send(sent)
        self._plain(sent)
        sent.append(sequence)
        if not _HARMLESS.fullmatch(sequence):
            self.forget()

    # --- what the terminal is sent ---------------------------------------------------------------

    def _finish(self, sent: list[str]) -> None:
        self._send(sent)
        if self._cursor is not None and self._cursor != self._there:
            self._begin(sent)
            self._go(self._cursor, sent)
        self._plain(sent)

    def _send(self, sent: list[str]) -> None:
        for row in sorted(self._changed):
            columns = sorted(self._changed[row])
            if columns:
                self._begin(sent)
                self._send_row(row, columns, sent)
        self._changed.clear()

    def _send_row(self, row: int, columns: list[int], sent: list[str]) -> None:
        signs, styles, changed = self._signs[row], self._styles[row], set(columns)
        at = 0
        for column in columns:
            if column < at or signs[column] in (_WIDE, _UNKNOWN):
                continue
            between = range(at, column)
            near = self._there == (row, at) and len(between) <= _GAP
            if near and all(signs[c] != _UNKNOWN for c in between):
                for each in between:
                    self._sign(signs[each], styles[each], sent)
            else:
                self._go((row, column), sent)
            # All that looks alike goes at once.
            at, style = column + 1, styles[column]
            while at in changed and styles[at] == style and signs[at] != _UNKNOWN:
                at += 1
            self._sign("".join(signs[column:at]), style, sent)
            if at < len(signs) and signs[at] == _WIDE:
                at += 1
            # Past the last column a terminal does not go.
            self._there = (row, at) if at < len(signs) else None

    def _sign(self, sign: str, style: str, sent: list[str]) -> None:
        if style != self._style_there:
            sent.append(_difference(self._style_there, style))
            self._style_there = style
        sent.append(sign)

    def _go(self, place: tuple[int, int], sent: list[str]) -> None:
        if place != self._there:
            row, column = place
            same_row = self._there is not None and self._there[0] == row
            sent.append(f"\x1b[{column + 1}G" if same_row else f"\x1b[{row + 1};{column + 1}H")
            self._there = place

    def _begin(self, sent: list[str]) -> None:
        if self._sync_wanted and not self._sync_begun:
            sent.append("\x1b[?2026h")
            self._sync_begun = True

    def _plain(self, sent: list[str]) -> None:
        """Between frames nothing is left that would colour what others write."""
        if self._style_there:
            sent.append("\x1b[m")
            self._style_there = ""


@lru_cache(maxsize=4096)
def _difference(before: str, after: str) -> str:
    """The SGR sequence from one style to another."""
    old, new = _read(before), _read(after)
    if not old.flags <= new.flags or (old.foreground and not new.foreground):
        return f"\x1b[0;{after}m" if after else "\x1b[m"
    wanted = sorted(new.flags - old.flags)
    if new.foreground != old.foreground:
        wanted.append(new.foreground)
    if new.background != old.background:
        wanted.append(new.background or "49")
    # Without a parameter it would mean a reset: the same style can be spelled in more than one way.
    return f"\x1b[{';'.join(wanted)}m" if wanted else ""


@lru_cache(maxsize=4096)
def _read(style: str) -> _Style:
    """The parameters of one SGR sequence or of several, the later ones in force."""
    flags: set[str] = set()
    colours = {"3": "", "4": ""}
    parameters = iter(style.split(";") if style else ())
    for parameter in parameters:
        ground = {"9": "3", "10": "4"}.get(parameter[:-1], parameter[:-1])
        if parameter in ("38", "48"):
            kind = next(parameters, "5")
            count = 1 if kind == "5" else 3
            rest = [next(parameters, "0") for _ in range(count)]
            colours[ground] = ";".join((parameter, kind, *rest))
        elif ground in colours and len(parameter) > 1:
            colours[ground] = "" if parameter in ("39", "49") else parameter
        else:
            flags.add(parameter)
    return _Style(frozenset(flags), colours["3"], colours["4"])
