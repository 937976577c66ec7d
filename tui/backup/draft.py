"""From the text of a form or a command line to the values that QEMU is sent."""

import re
from collections.abc import Iterable, Mapping
from typing import Protocol

from pydantic import BaseModel, ByteSize, ConfigDict, TypeAdapter, ValidationError

from tui.backup.arguments import Json
from tui.backup.verdict import Finding, Severity, Verdict
from tui.backup.wording import quote
from tui.units import rate, size

_BYTES: TypeAdapter[ByteSize] = TypeAdapter(ByteSize)
_SIZE = re.compile(r"\d{1,20}(\.\d{1,20})?\s*([kmgtpe](i?b)?|b)?", re.I)
_BARE = re.compile(r"[kmgtpe]$", re.I)
_PER_SECOND = re.compile(r"\s*/\s*s$", re.I)
_INTEGER = re.compile(r"[+-]?\d{1,30}")
_KIB = 1024
_ON = frozenset({"on", "yes", "true"})
_OFF = frozenset({"off", "no", "false"})


class FieldSpec(Protocol):
    """What reading a field's text takes; a `FormField` is one."""

    @property
    def name(self) -> str:
        """QEMU's name, with a dot for a nested argument."""

    @property
    def kind(self) -> str:
        """`size` and `speed` are numbers with a unit."""

    @property
    def type(self) -> str:
        """The type of the schema."""


class ParsedDraft(BaseModel):
    """The arguments that could be read, and what is wrong with the texts that could not."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    arguments: dict[str, Json]
    findings: tuple[Finding, ...] = ()

    def judged(self, verdict: Verdict) -> Verdict:
        """The verdict on the arguments with what could not be read put first.

        What cannot be read is not said to be missing as well.
        """
        if not self.findings:
            return verdict
        unreadable = {finding.field for finding in self.findings}
        rest = tuple(finding for finding in verdict.findings if finding.field not in unreadable)
        findings = (*self.findings, *rest)
        return verdict.model_copy(update={"verdict": "reject", "findings": findings})


class _Unreadable(ValueError):
    """The text of one field cannot be read; the message is for the operator."""


def parse_draft(fields: Mapping[str, str], specs: Iterable[FieldSpec]) -> ParsedDraft:
    """Read the texts of a form or of `NAME=VALUE` words.

    An empty text is "not given". `x-perf.max-workers` goes into the object `x-perf`. A size or
    speed is a number of bytes, or one with a unit as QEMU's own tools read it: 50M and 50MiB are
    52,428,800 bytes; 50MB is 50,000,000. A switch is on or off, yes or no, true or false. A
    name that no spec has is kept as text, so that the rules can say that QEMU does not know it.
    """
    by_name = {spec.name: spec for spec in specs}
    arguments: dict[str, Json] = {}
    findings: list[Finding] = []
    for name, text in fields.items():
        if text == "":
            continue
        spec = by_name.get(name)
        try:
            value = _read(text, spec) if spec else text
        except _Unreadable as problem:
            findings.append(
                Finding(field=name, severity=Severity.REFUSES, rule="S-TYPE", message=str(problem))
            )
            continue
        _put(arguments, name, value)
    return ParsedDraft(arguments=arguments, findings=tuple(findings))


def _put(arguments: dict[str, Json], name: str, value: Json) -> None:
    outer, dot, inner = name.partition(".")
    if not dot:
        arguments[name] = value
        return
    members = arguments.setdefault(outer, {})
    if isinstance(members, dict):
        _put(members, inner, value)


def _read(text: str, spec: FieldSpec) -> Json:
    if spec.kind == "size":
        return _size(text.strip())
    if spec.kind == "speed":
        return _size(_per_second(text))
    if spec.type in ("int", "size"):
        return _integer(text.strip())
    if spec.type == "bool":
        return _switch(text.strip())
    return text


def _size(text: str) -> int:
    if _INTEGER.fullmatch(text):
        return int(text)
    example = "Give a number of bytes, or a size such as 50M or 1GiB"
    if not _SIZE.fullmatch(text):
        raise _Unreadable(f"{quote(text)} is no size. {example}.")
    try:
        # Pydantic's M is 10^6, that of `qemu-img` and of all that is shown 2^20.
        return int(_BYTES.validate_python(_BARE.sub(r"\g<0>iB", text)))
    except ValidationError as error:
        raise _Unreadable(f"{quote(text)} is no size. {example}.") from error


def _per_second(text: str) -> str:
    return _PER_SECOND.sub("", text.strip())


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise _Unreadable(f"{quote(text)} is no whole number.")
    return int(text)


def _switch(text: str) -> bool:
    if text.lower() in _ON:
        return True
    if text.lower() in _OFF:
        return False
    raise _Unreadable(f"{quote(text)} is neither on nor off.")


def parse_speed(text: str) -> int:
    """A speed as it is typed (`50M`, `1.5 GiB/s`, `0`), in bytes a second.

    Raises:
        ValueError: in words for whoever typed it.
    """
    speed = _size(_per_second(text))
    if not 0 <= speed < 1 << 63:
        raise ValueError("A speed is between 0 and 8 EiB a second.")
    return speed


def parse_size(text: str) -> int:
    """A size as it is typed (`65536`, `64K`), in bytes.

    Raises:
        ValueError: in words for whoever typed it.
    """
    return _size(text.strip())


def read_back(text: str, kind: str) -> str:
    """How a text of a field of that kind is read: `= 50.0 MiB/s, 52,428,800 bytes a second`.

    It is empty for what cannot be read, and for kinds that have no units.
    """
    try:
        if kind == "speed":
            return _read_back(parse_speed(text), "a second") or "= no limit"
        return _read_back(parse_size(text)) if kind == "size" else ""
    except ValueError:
        return ""


def _read_back(count: int, per: str = "") -> str:
    if count <= 0:
        return ""
    short = rate(count) if per else size(count)
    exactly = f"{count:,} bytes {per}".rstrip()
    return f"= {short}, {exactly}" if count >= _KIB else f"= {short}"
