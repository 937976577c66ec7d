"""Puts the settings together: options before the environment before the file before defaults."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from tui.config.environment import read_environment, variable
from tui.config.file import SettingsFile, read_file
from tui.config.key_path import KeyPath, line_of
from tui.config.mistakes import Mistake, Mistakes, dotted, in_words
from tui.config.settings import Settings
from tui.paths import config_directory

FILE_NAME = "config.toml"


class Source(StrEnum):
    """Where a value can come from, the strongest first."""

    OPTION = "command line"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


class Origin(NamedTuple):
    """Where a value comes from; `line` is that of the file, `variable` that of the environment."""

    source: Source
    file: Path | None = None
    line: int | None = None
    variable: str | None = None

    def __str__(self) -> str:
        if self.file is not None:
            return f"{self.file}:{self.line}" if self.line else str(self.file)
        return self.variable or self.source


class Value(NamedTuple):
    """A value in force, with its key and its origin."""

    key: str
    value: Any
    origin: Origin


class Loaded(NamedTuple):
    """The settings in force, and where they come from."""

    settings: Settings
    file: SettingsFile
    environment: Mapping[str, Any]
    options: Mapping[str, Any]

    def values(self) -> Iterator[Value]:
        """Every value in force, in the order of the model."""
        for path, value in _leaves(self.settings.model_dump(mode="json")):
            yield Value(dotted(path), value, self.origin(path))

    def origin(self, path: KeyPath) -> Origin:
        """Where the value of a key comes from."""
        if _has(self.options, path):
            return Origin(Source.OPTION)
        if _has(self.environment, path):
            return Origin(Source.ENVIRONMENT, variable=variable(path))
        if _has(self.file.content, path):
            return Origin(Source.FILE, self.file.path, line_of(path, self.file.lines))
        return Origin(Source.DEFAULT)

    def mistake(self, path: KeyPath, sentence: str) -> Mistake:
        """A mistake in the value of a key."""
        return Mistake(str(self.origin(path)), dotted(path), sentence)


def settings_path() -> Path:
    """Where the file of settings is, or would be."""
    return config_directory() / FILE_NAME


def load(path: Path | None = None, options: Mapping[str, Any] | None = None) -> Loaded:
    """Read everything.

    Args:
        path: another file than that in the platform's place.
        options: what the command line says, nested like the model.

    Raises:
        Mistakes: with all that was found.
    """
    file = read_file(path or settings_path())
    environment = read_environment()
    try:
        settings = Settings.model_validate(_merged(file.content, environment, options or {}))
    except ValidationError as error:
        found = Loaded(Settings(), file, environment, options or {})
        raise Mistakes(tuple(_in_order(found, error))) from error
    return Loaded(settings, file, environment, options or {})


def _in_order(found: Loaded, error: ValidationError) -> list[Mistake]:
    mistakes: list[tuple[int, Mistake]] = []
    for each in error.errors():
        path = tuple(part for part in each["loc"] if part != "[key]")
        # What is missing is nowhere: it is missed in the table around it.
        place = path[:-1] if each["type"] == "missing" else path
        origin = found.origin(place)
        words = in_words(each, Settings)
        mistakes.append((origin.line or 0, Mistake(str(origin), dotted(path), words)))
    return [mistake for _, mistake in sorted(mistakes, key=lambda pair: pair[0])]


# --- nested tables --------------------------------------------------------------------------------


def _merged(*contents: Mapping[str, Any]) -> dict[str, Any]:
    """Tables put together key by key; of two values the later one holds."""
    merged: dict[str, Any] = {}
    for content in contents:
        for key, value in content.items():
            before = merged.get(key)
            if isinstance(before, Mapping) and isinstance(value, Mapping):
                value = _merged(before, value)
            merged[key] = value
    return merged


def _has(content: object, path: KeyPath) -> bool:
    for part in path:
        in_table = isinstance(content, Mapping) and part in content
        in_list = isinstance(content, list | tuple) and part in range(len(content))
        if not in_table and not in_list:
            return False
        content = content[part]  # type: ignore[index]  # one of the two is so
    return True


def _leaves(content: Mapping[str, Any], before: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    for key, value in content.items():
        path = (*before, key)
        if isinstance(value, Mapping):
            yield from _leaves(value, path)
        elif isinstance(value, BaseModel):
            yield from _leaves(value.model_dump(mode="json"), path)
        else:
            yield path, value
