"""The form's fields, made from the schema of the QEMU at hand."""

import json
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from tui.backup.arguments import DRIVE_BACKUP, Json
from tui.backup.fieldtexts import CHOICE_TEXTS, FIELD_TEXTS, UNKNOWN_FIELD, FieldText, Kind
from tui.backup.formats import is_creatable
from tui.qmp.schema import Argument, EnumValue, QmpSchema

_KINDS: dict[str, Kind] = {"bool": "switch", "enum": "choice", "int": "integer", "size": "size"}


class Choice(BaseModel):
    """One value of a field that is chosen from a list; `help` may be empty."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    value: str
    help: str = ""
    deprecated: bool = False
    unstable: bool = False


class FormField(BaseModel):
    """One argument as a field of a form.

    `name` is QEMU's, with a dot for a nested one. `type` is the schema's type, which says what the
    text is read as; `kind` is what to show. `default` says what happens when it is left empty.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    name: str
    label: str
    help: str
    kind: Kind
    type: str
    choices: tuple[Choice, ...] = ()
    basic: bool = False
    required: bool = False
    default: str = ""
    deprecated: bool = False
    unstable: bool = False
    known: bool = True


def form_fields(schema: QmpSchema, command: str = DRIVE_BACKUP) -> tuple[FormField, ...]:
    """The fields for every argument this QEMU takes: the basic ones, the advanced, the unknown.

    An argument that is an object becomes a field for each of its members.
    """
    order = {name: place for place, name in enumerate(FIELD_TEXTS)}
    fields = [
        field for argument in schema.arguments(command) for field in _fields(argument, schema)
    ]
    return tuple(sorted(fields, key=lambda f: (not f.basic, order.get(f.name, len(order)))))


def _fields(
    argument: Argument, schema: QmpSchema, inside: str = "", features: frozenset[str] = frozenset()
) -> Iterator[FormField]:
    name = f"{inside}{argument.name}"
    features |= argument.features
    if argument.members:
        for member in argument.members:
            yield from _fields(member, schema, f"{name}.", features)
        return
    text = FIELD_TEXTS.get(name)
    kind = (text and text.kind) or _KINDS.get(argument.kind, "text")
    choices = tuple(_choice(name, value) for value in argument.values)
    if name == "format":
        kind, choices = "choice", _formats(schema)
    text = text or FieldText(name, UNKNOWN_FIELD)
    yield FormField(
        name=name,
        label=text.label,
        help=text.help,
        kind=kind,
        type=argument.kind,
        choices=choices,
        basic=text.basic or (argument.required and not inside),
        required=argument.required and not inside,
        default=text.default,
        deprecated="deprecated" in features,
        unstable="unstable" in features,
        known=name in FIELD_TEXTS,
    )


def _choice(name: str, value: EnumValue) -> Choice:
    return Choice(
        value=value.name,
        help=CHOICE_TEXTS.get((name, value.name), ""),
        deprecated="deprecated" in value.features,
        unstable="unstable" in value.features,
    )


def _formats(schema: QmpSchema) -> tuple[Choice, ...]:
    """The formats a new file can be created in, qcow2 and raw first."""
    creatable = [driver for driver in schema.block_drivers() if is_creatable(driver)]
    creatable.sort(key=lambda driver: (driver != "qcow2", driver != "raw", driver))
    return tuple(Choice(value=driver) for driver in creatable)


def as_text(value: Json) -> str:
    """An argument as it stands in its field."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else json.dumps(value)
