"""What goes to standard output and standard error. Foreign text is escaped on its way."""

import contextlib
import io
import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from tui.terminal import unicode_ok
from tui.text import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PROGRAM = "blockdeck"
UNLIMITED = 10_000
"""Columns where the output is no terminal: nothing is folded for a program that reads it."""


def prepare_streams() -> None:
    """Write what the terminal can show, and an escape where it cannot."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            encoding = None if unicode_ok() else "ascii"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def quiet_logging() -> None:
    """Keep log records off standard error, where Python would put them by itself."""
    logging.getLogger().addHandler(logging.NullHandler())
    logging.captureWarnings(True)


def say(text: str) -> None:
    """One line on standard output."""
    _write_line(sys.stdout, plain(text))


def say_json(value: Mapping[str, Any]) -> None:
    """One JSON object on one line, in ASCII: no character of it moves a cursor."""
    _write_line(sys.stdout, json.dumps(value))


def note(text: str) -> None:
    """One line on standard error."""
    # When the terminal has hung up there is nobody left to tell.
    with contextlib.suppress(OSError, ValueError):
        _write_line(sys.stderr, plain(text))


def complain(sentence: str, advice: str = "") -> None:
    """Say on standard error what is wrong, and on the next lines what to do."""
    note(f"{PROGRAM}: {sentence}")
    for line in advice.splitlines():
        note(line)


def _write_line(stream: IO[str] | None, line: str) -> None:
    if stream is not None:
        stream.write(line + "\n")
        stream.flush()


def abandon_output() -> None:
    """Nobody reads standard output any more: keep Python from failing over it at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def console(stream: IO[str]) -> "Console":
    """A rich console that takes text as text."""
    from rich.console import Console

    width = None if stream.isatty() else UNLIMITED
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False)


def say_table(table: "Table") -> None:
    """A table on standard output, without the blanks that rich fills its last column with."""
    terminal = console(sys.stdout)
    with terminal.capture() as captured:
        terminal.print(table)
    for line in captured.get().splitlines():
        _write_line(sys.stdout, line.rstrip())
