"""The exact command, to show and to copy."""

import json
import re
from collections.abc import Mapping
from typing import Any

_READ_AS_SOMETHING_ELSE = re.compile(r"\s*[+-]?\d[\d_]*\s*|true|false|[{\[].*", re.I | re.S)


def as_json(command: Mapping[str, Any]) -> str:
    """The command as QMP takes it, on several lines; copied as it stands it can be sent."""
    return json.dumps(command, indent=2)


def as_json_line(command: Mapping[str, Any]) -> str:
    """The command as QMP takes it, on one line."""
    return json.dumps(command)


def as_qmp_shell(command: Mapping[str, Any]) -> str:
    """The command as one line for `qmp-shell`.

    That shell takes `name=value`, keeps quotes as part of a value, and has no way to write a text
    with blanks or one that looks like a number. Such arguments go into a `transaction` of this one
    command, which is written as JSON and does the same.
    """
    execute = str(command["execute"])
    arguments = dict(command.get("arguments") or {})
    words = [_word(name, value) for name, value in arguments.items()]
    if None not in words:
        return " ".join([execute, *(word for word in words if word is not None)])
    return f"transaction actions={_compact([{'type': execute, 'data': arguments}])}"


def _word(name: str, value: object) -> str | None:
    """`name=value` as the shell reads it back; None where it would read something else."""
    if not _is_plain(name) or "." in name or "=" in name:
        return None
    match value:
        case bool():
            return f"{name}={'true' if value else 'false'}"
        case int():
            return f"{name}={value}"
        case str() if _is_plain(value) and not _READ_AS_SOMETHING_ELSE.fullmatch(value):
            return f"{name}={value}"
        case dict():
            return f"{name}={_compact(value)}"
        case _:
            return None


def _is_plain(text: str) -> bool:
    return text.isprintable() and not re.search(r"[\s\"']", text)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
