"""`blockdeck config`: what is in force, where the file is, and one to begin with."""

import json
import os
from typing import Any

from rich.table import Table
from rich.text import Text

from tui.cli.failure import Failure, Status
from tui.cli.output import note, say, say_json, say_table
from tui.cli.settings import read_settings
from tui.config.load import Loaded, Value, settings_path
from tui.config.reference import example
from tui.text import plain
from tui.units import rate


def show_settings(options: dict[str, Any], *, as_json: bool) -> int:
    """Print every value in force, and where it comes from.

    Raises:
        Failure: there are mistakes in the settings.
    """
    loaded = read_settings(options, for_ui=True)
    values = tuple(loaded.values())
    if as_json:
        say_json(_report(loaded, values))
        return Status.DONE
    state = "" if loaded.file.exists else " (there is none, and none is needed)"
    note(f"The file of settings: {loaded.file.path}{state}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("key", "value", "from"):
        table.add_column(title, overflow="fold")
    for value in values:
        words = (value.key, _in_words(value), _place(value))
        table.add_row(*(Text(plain(word)) for word in words))
    say_table(table)
    return Status.DONE


def _in_words(value: Value) -> str:
    words = json.dumps(value.value, ensure_ascii=False)
    is_speed = value.key.endswith(".speed") and isinstance(value.value, int) and value.value
    return f"{words} ({rate(value.value)})" if is_speed else words


def _place(value: Value) -> str:
    origin = value.origin
    return f"line {origin.line}" if origin.line else str(origin)


def _report(loaded: Loaded, values: tuple[Value, ...]) -> dict[str, Any]:
    return {
        "file": str(loaded.file.path),
        "exists": loaded.file.exists,
        "values": [
            {
                "key": each.key,
                "value": each.value,
                "source": each.origin.source.value,
                "file": str(each.origin.file) if each.origin.file else None,
                "line": each.origin.line,
                "variable": each.origin.variable,
            }
            for each in values
        ],
    }


def say_path() -> int:
    """Print where the file of settings is, or would be."""
    say(str(settings_path()))
    return Status.DONE


def write_example() -> int:
    """Write a file of settings in which everything is a comment.

    Raises:
        Failure: there is something in its place.
        OSError: it cannot be written.
    """
    from tui.ui_reference import act_lines

    path = settings_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Failure(f"there is something at {path} already; it is left as it is") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(example(act_lines()))
    say(str(path))
    return Status.DONE
