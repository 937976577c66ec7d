"""`SchemaInfo` of `query-qmp-schema`, as in QEMU's qapi/introspect.json."""

from typing import Annotated, Literal

from pydantic import Field

from tui.qmp.models import QapiModel


class SchemaInfoBuiltin(QapiModel):
    """A built-in type; `json_type` is its JSON spelling."""

    meta_type: Literal["builtin"]
    name: str
    json_type: str


class SchemaInfoEnumMember(QapiModel):
    """One value of an enumeration (QEMU 6.2)."""

    name: str
    features: tuple[str, ...] = ()


class SchemaInfoEnum(QapiModel):
    """An enumeration. `members` since QEMU 6.2; `values` before, and still beside it."""

    meta_type: Literal["enum"]
    name: str
    members: tuple[SchemaInfoEnumMember, ...] | None = None
    values: tuple[str, ...] = ()


class SchemaInfoArray(QapiModel):
    """An array of one type."""

    meta_type: Literal["array"]
    name: str


class SchemaInfoObjectMember(QapiModel):
    """One member of an object; a `default` (always null so far) says that it may be left out."""

    name: str
    type: str
    default: object = None
    features: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Whether the member must be given."""
        return "default" not in self.model_fields_set


class SchemaInfoObjectVariant(QapiModel):
    """The members that are added when the tag has the value `case`."""

    case: str
    type: str


class SchemaInfoObject(QapiModel):
    """An object; with variants, `tag` names the member that chooses among them."""

    meta_type: Literal["object"]
    name: str
    members: tuple[SchemaInfoObjectMember, ...] = ()
    tag: str | None = None
    variants: tuple[SchemaInfoObjectVariant, ...] = ()


class SchemaInfoAlternateMember(QapiModel):
    """One of the types an alternate can be."""

    type: str


class SchemaInfoAlternate(QapiModel):
    """A value that may be of several types."""

    meta_type: Literal["alternate"]
    name: str
    members: tuple[SchemaInfoAlternateMember, ...] = ()


class SchemaInfoCommand(QapiModel):
    """A command; `arg_type` names the object that holds its arguments."""

    meta_type: Literal["command"]
    name: str
    arg_type: str
    features: tuple[str, ...] = ()


class SchemaInfoEvent(QapiModel):
    """An event; `arg_type` names the object that is its `data`."""

    meta_type: Literal["event"]
    name: str
    arg_type: str
    features: tuple[str, ...] = ()


SchemaInfo = Annotated[
    SchemaInfoBuiltin
    | SchemaInfoEnum
    | SchemaInfoArray
    | SchemaInfoObject
    | SchemaInfoAlternate
    | SchemaInfoCommand
    | SchemaInfoEvent,
    Field(discriminator="meta_type"),
]
"""One entry of the schema, told apart by its `meta-type`."""

META_TYPES = frozenset({"builtin", "enum", "array", "object", "alternate", "command", "event"})
