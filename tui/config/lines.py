"""In which line of a TOML text each key stands."""

import tomllib
from collections.abc import Iterator

from tui.config.key_path import KeyPath, Lines

_ENDS = ("]", "}", '"""', "'''")
"""What the last line of a value over several lines has one of."""


def key_lines(text: str) -> Lines:
    """The line, from 1, of each table and key of a text that `tomllib` reads.

    `tomllib` keeps no positions, so the text is read statement by statement: no part of a TOML
    statement that ends at the end of a line is one by itself.
    """
    found: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for first, statement in _statements(text):
        content = tomllib.loads(statement)
        is_header = statement.lstrip().startswith("[")
        before: KeyPath = () if is_header else table
        for path in _paths(content):
            found.setdefault((*before, *path), first)
            if is_header:
                table = path
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement with its first line."""
    statement, first = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        if not statement:
            first = number
        elif not any(end in line for end in _ENDS):
            statement += f"{line}\n"
            continue
        statement += f"{line}\n"
        try:
            tomllib.loads(statement)
        except ValueError:
            continue
        yield first, statement
        statement = ""


def _paths(value: object, before: KeyPath = ()) -> Iterator[KeyPath]:
    """Each path into nested tables, the outer ones first."""
    if before:
        yield before
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*before, key))
