"""What this QEMU supports: the reply of `query-qmp-schema`, indexed by name."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from tui.qmp.introspection import (
    META_TYPES,
    SchemaInfo,
    SchemaInfoCommand,
    SchemaInfoEnum,
    SchemaInfoEvent,
    SchemaInfoObject,
    SchemaInfoObjectMember,
)

_ENTRIES: TypeAdapter[tuple[SchemaInfo, ...]] = TypeAdapter(
    tuple[SchemaInfo, ...], config=ConfigDict(defer_build=True)
)


class EnumValue(BaseModel):
    """One value of an enumeration; `features` since QEMU 6.2."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    name: str
    features: frozenset[str] = frozenset()


class Argument(BaseModel):
    """One argument of a command, or one member of an argument that is an object.

    `kind` is the name of a built-in type (`str`, `int`, `bool`, `number`, …) or else `enum`,
    `object`, `array` or `alternate`. `values` are an enumeration's, `members` an object's own
    (without those of its variants). `features` holds `deprecated` or `unstable`.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    name: str
    kind: str
    required: bool
    values: tuple[EnumValue, ...] = ()
    members: tuple["Argument", ...] = ()
    features: frozenset[str] = frozenset()


class QmpSchema:
    """The commands, arguments and events that one QEMU knows."""

    def __init__(self, entries: Iterable[SchemaInfo]) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._arguments: dict[str, tuple[Argument, ...]] = {}

    @classmethod
    def from_reply(cls, reply: object) -> "QmpSchema":
        """Read a reply of `query-qmp-schema`; entries of an unknown meta-type are left out.

        Raises:
            pydantic.ValidationError: the reply is not a list of `SchemaInfo`.
        """
        if isinstance(reply, list):
            reply = [entry for entry in reply if _is_known(entry)]
        return cls(_ENTRIES.validate_python(reply))

    def has_command(self, name: str) -> bool:
        """Whether this QEMU knows the command."""
        return isinstance(self._entries.get(name), SchemaInfoCommand)

    def events(self) -> tuple[str, ...]:
        """The names of all events, in schema order."""
        return tuple(name for name, e in self._entries.items() if isinstance(e, SchemaInfoEvent))

    def command_features(self, name: str) -> frozenset[str]:
        """`deprecated`, `unstable` and the like; empty for an unknown command."""
        command = self._entries.get(name)
        return (
            frozenset(command.features) if isinstance(command, SchemaInfoCommand) else frozenset()
        )

    def arguments(self, command: str) -> tuple[Argument, ...]:
        """The command's arguments in schema order; none for an unknown command."""
        known = self._arguments.get(command)
        if known is None:
            entry = self._entries.get(command)
            arg_type = entry.arg_type if isinstance(entry, SchemaInfoCommand) else None
            known = self._arguments[command] = tuple(self._members(arg_type, frozenset()))
        return known

    def argument(self, command: str, name: str) -> Argument | None:
        """One argument of the command, or None where this QEMU does not know it."""
        return next((arg for arg in self.arguments(command) if arg.name == name), None)

    def enum(self, command: str, argument: str) -> tuple[str, ...]:
        """The values an argument takes; none if it is unknown or no enumeration."""
        found = self.argument(command, argument)
        return tuple(value.name for value in found.values) if found else ()

    def block_drivers(self) -> tuple[str, ...]:
        """The block drivers this QEMU was built with (`BlockdevDriver`)."""
        return self.enum("blockdev-add", "driver")

    def _members(self, type_name: str | None, within: frozenset[str]) -> Iterator[Argument]:
        # `within` names the objects around this one: some contain themselves.
        entry = self._entries.get(type_name) if type_name else None
        if isinstance(entry, SchemaInfoObject) and entry.name not in within:
            for member in entry.members:
                yield self._argument(member, within | {entry.name})

    def _argument(self, member: SchemaInfoObjectMember, within: frozenset[str]) -> Argument:
        entry = self._entries.get(member.type)
        kind = entry.meta_type if entry else "unknown"
        return Argument(
            name=member.name,
            kind=member.type if kind == "builtin" else kind,
            required=member.required,
            values=_enum_values(entry) if isinstance(entry, SchemaInfoEnum) else (),
            members=tuple(self._members(member.type, within)),
            features=frozenset(member.features),
        )


def _is_known(entry: Any) -> bool:
    return not isinstance(entry, Mapping) or entry.get("meta-type") in META_TYPES


def _enum_values(entry: SchemaInfoEnum) -> tuple[EnumValue, ...]:
    if entry.members is None:
        return tuple(EnumValue(name=value) for value in entry.values)
    return tuple(EnumValue(name=m.name, features=frozenset(m.features)) for m in entry.members)
