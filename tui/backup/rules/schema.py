"""What this QEMU's schema refuses.

QEMU reads the arguments in the order of its schema and stops at the first that is wrong; what is
left over comes last.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tui.backup.fieldtexts import FIELD_TEXTS
from tui.backup.rules.case import Case
from tui.backup.rules.rule import Hit, Rule
from tui.backup.verdict import Severity
from tui.backup.wording import article, quote
from tui.qmp.schema import Argument

INT64 = range(-(1 << 63), 1 << 63)
# What the schema shows as an int is a `size` here, which also takes what only fits unsigned.
_SIZES = frozenset({"x-perf.min-cluster-size"})
_SIZE = range(-(1 << 63), 1 << 64)

_EXPECTED = {
    "str": "string",
    "enum": "string",
    "int": "integer",
    "bool": "boolean",
    "object": "object",
    "array": "array",
    "number": "number",
}
_WANTED = {
    "str": "a text",
    "enum": "one of its values",
    "int": "a whole number that fits into 64 bits",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "number": "a number",
}

# QEMU's JSON reader takes neither surrogates nor what Unicode calls noncharacters.
_NOT_UNICODE = re.compile(
    "[\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(p << 16 | 0xFFFE)}{chr(p << 16 | 0xFFFF)}" for p in range(17))
    + "]"
)


class _Fault(NamedTuple):
    rule: str
    hit: Hit


def _faults(case: Case) -> Iterator[_Fault]:
    yield from _members(case, case.schema.arguments(case.command), case.arguments, "")


def _members(
    case: Case, known: Iterable[Argument], given: Mapping[str, object], inside: str
) -> Iterator[_Fault]:
    names = set()
    for argument in known:
        names.add(argument.name)
        path = f"{inside}{argument.name}"
        if argument.name in given:
            yield from _value(case, argument, given[argument.name], path)
        elif argument.required:
            yield _missing(path)
    for name in given:
        if name not in names:
            yield _unexpected(case, f"{inside}{name}")


def _missing(path: str) -> _Fault:
    text = FIELD_TEXTS.get(path)
    words = f"Fill in {text.label.lower() if text else path}: QEMU needs it."
    return _Fault("S-MISSING", Hit(path, words, f"Parameter '{path}' is missing"))


def _unexpected(case: Case, path: str) -> _Fault:
    words = f"Leave {quote(path)} out: this QEMU's {case.command} does not know it."
    return _Fault("S-UNEXPECTED", Hit(path, words, f"Parameter '{path}' is unexpected"))


def _value(case: Case, argument: Argument, value: object, path: str) -> Iterator[_Fault]:
    if not _has_type(argument, value, path):
        told = f"Invalid parameter type for '{path}', expected: {_EXPECTED[argument.kind]}"
        yield _Fault(
            "S-TYPE",
            Hit(
                path,
                f"{path} must be {_WANTED[argument.kind]}, not {_described(value)}.",
                f"Parameter '{path}' expects uint64" if path in _SIZES else told,
            ),
        )
    elif argument.kind == "enum":
        values = [entry.name for entry in argument.values]
        if value not in values:
            old = f"Invalid parameter '{value}'"
            new = f"Parameter '{path}' does not accept value '{value}'"
            words = f"{path} cannot be {quote(value)}; choose one of {', '.join(values)}."
            yield _Fault("S-ENUM", Hit(path, words, old if case.is_old else new))
    elif argument.kind == "object" and isinstance(value, Mapping):
        yield from _members(case, argument.members, value, f"{path}.")


def _has_type(argument: Argument, value: object, path: str) -> bool:
    match argument.kind:
        case "str" | "enum":
            return isinstance(value, str)
        case "bool":
            return isinstance(value, bool)
        case "int":
            span = _SIZE if path in _SIZES else INT64
            return isinstance(value, int) and not isinstance(value, bool) and value in span
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "object":
            return isinstance(value, Mapping)
        case "array":
            return isinstance(value, list)
        case _:
            return True


def _described(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {quote(value)}"
        case Mapping():
            return article("object")
        case list():
            return "a list"
        case _:
            return quote(value)[1:-1]


def _only(rule_id: str, severity: Severity, summary: str) -> Rule:
    """The faults of one kind; each keeps its place among those of the other kinds."""

    def check(case: Case) -> Iterator[Hit]:
        for place, fault in enumerate(_faults(case)):
            if fault.rule == rule_id:
                yield fault.hit._replace(place=place)

    return Rule(rule_id, severity, summary, check)


def _unreadable(case: Case) -> Iterator[Hit]:
    for path, text in _texts(case.arguments, ""):
        found = _NOT_UNICODE.search(text)
        if found:
            yield Hit(
                path or None,
                f"{quote(text)} holds a character that QEMU cannot read; leave it out.",
                f"JSON parse error, \\u{ord(found[0]):04x} is not a valid Unicode character",
                place=-1,
            )


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    pending = [(path, value)]
    while pending:
        path, value = pending.pop(0)
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, Mapping):
            yield from ((path or str(key), str(key)) for key in value)
            pending += [(f"{path}.{key}".lstrip("."), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            pending += [(path, inner) for inner in value]


RULES = (
    Rule("S-TEXT", Severity.REFUSES, "A text holds no Unicode character.", _unreadable),
    _only("S-MISSING", Severity.REFUSES, "An argument that QEMU needs is not given."),
    _only("S-TYPE", Severity.REFUSES, "A value has another JSON type than QEMU wants."),
    _only("S-ENUM", Severity.REFUSES, "A value is none of those this QEMU knows."),
    _only("S-UNEXPECTED", Severity.REFUSES, "This QEMU does not know an argument."),
)
