"""Reads the file of settings: whatever may be there in its place."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tui.config.key_path import Lines
from tui.config.mistakes import Mistake, Mistakes

MOST_BYTES = 1 << 20

_AT_LINE = re.compile(r" \(at line (?P<line>\d+), column \d+\)$")
_AT_END = " (at end of document)"


class SettingsFile(NamedTuple):
    """What the file says; nothing where there is none.

    Attributes:
        path: where it is, or would be.
        exists: whether there is one.
        content: its tables.
        lines: the line of each key.
    """

    path: Path
    exists: bool
    content: Mapping[str, Any]
    lines: Lines


def read_file(path: Path) -> SettingsFile:
    """Read a file of settings; a missing one says nothing.

    Raises:
        Mistakes: there is something, and it cannot be read or is no TOML.
    """
    try:
        # Opening a FIFO must not wait for somebody who writes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return SettingsFile(path, exists=False, content={}, lines={})
    except OSError as error:
        raise _mistake(path, f"cannot be read: {error.strerror}") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        what = "a directory" if stat.S_ISDIR(mode) else "something else"
        raise _mistake(path, f"must be a file, and is {what}")
    with os.fdopen(descriptor, "rb") as stream:
        try:
            raw = stream.read(MOST_BYTES + 1)
        except OSError as error:
            raise _mistake(path, f"cannot be read: {error.strerror}") from error
    if len(raw) > MOST_BYTES:
        raise _mistake(path, "is larger than 1 MiB: this is no file of settings")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _mistake(path, f"byte 0x{raw[error.start]:02x} is not UTF-8", line) from error
    return SettingsFile(path, True, *_parse(path, text))


def _parse(path: Path, text: str) -> tuple[Mapping[str, Any], Lines]:
    # Mostly there is no file, and nothing to read it with is needed.
    import tomllib

    from tui.config.lines import key_lines

    try:
        return tomllib.loads(text), key_lines(text)
    except RecursionError as error:
        raise _mistake(path, "is nested too deeply") from error
    except ValueError as error:
        words = str(error)
        at = _AT_LINE.search(words)
        last = text.rstrip().count("\n") + 1 if words.endswith(_AT_END) else None
        line = int(at["line"]) if at else last
        sentence = _AT_LINE.sub("", words).removesuffix(_AT_END)
        raise _mistake(path, f"is no TOML: {sentence}", line) from error


def _mistake(path: Path, sentence: str, line: int | None = None) -> Mistakes:
    place = f"{path}:{line}" if line else str(path)
    return Mistakes((Mistake(place, "", sentence),))
