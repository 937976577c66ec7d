"""A mistake in the settings: where it is, and what is wrong in plain words."""

from difflib import get_close_matches
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from tui.config.key_path import KeyPath


class Mistake(NamedTuple):
    """What is wrong with one setting.

    Attributes:
        place: `FILE:LINE`, an environment variable, or the command line.
        key: the setting, with dots; empty where it is about all of the file.
        sentence: what is wrong.
    """

    place: str
    key: str
    sentence: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.key, self.sentence) if part)


class Mistakes(Exception):
    """The settings cannot be used.

    Attributes:
        mistakes: all that was found, in the order of the file.
    """

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


def dotted(path: KeyPath) -> str:
    """A key as it is written in TOML; a place in a list in brackets."""
    words = ""
    for part in path:
        words += f"[{part}]" if isinstance(part, int) else f".{part}" if words else part
    return words


def in_words(error: ErrorDetails, model: type[BaseModel]) -> str:
    """What pydantic found, in a sentence for the operator."""
    given, context = error["input"], error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return _unknown(error["loc"], model)
        case "missing":
            return "is missing"
        case "value_error":
            return str(context["error"])
        case "string_pattern_mismatch":
            return "a name begins with a letter or digit; dots, _ and - may follow"
        case "greater_than_equal":
            return f"must be {context['ge']} or more, not {given}"
        case "less_than_equal":
            return f"must be {context['le']} or less, not {given}"
        case "too_short":
            return "must not be empty"
        case "too_long":
            return f"must have {context['max_length']} values at most"
    wanted = next((words for kind, words in _WANTED.items() if error["type"].startswith(kind)), "")
    return f"must be {wanted}, not {_shown(given)}" if wanted else error["msg"]


_WANTED = {
    "bool": "true or false",
    "float": "a number",
    "finite": "a finite number",
    "string": "a text in quotes",
    "tuple": "a list, as in [ … ]",
    "dict": "a table of keys and values",
    "model": "a table of keys and values",
}


def _shown(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)[:60]


def _unknown(path: KeyPath, model: type[BaseModel]) -> str:
    known = _keys_beside(path, model)
    near = get_close_matches(str(path[-1]), known, 1)
    meant = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    return f"there is no such key; {meant}"


def _keys_beside(path: KeyPath, model: type[BaseModel]) -> list[str]:
    fields = model.model_fields
    for part in path[:-1]:
        inner = fields[str(part)].annotation if str(part) in fields else None
        # `vms` is a table by name of one kind of table.
        arguments = getattr(inner, "__args__", ())
        kind = next((a for a in (inner, *arguments) if _is_model(a)), None)
        if kind is not None:
            fields = kind.model_fields
    return list(fields)


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
