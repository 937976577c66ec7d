"""Puts the settings together: options before the environment before the file before defaults."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsError,
)

from tui.config.file import SettingsFile, read_file
from tui.config.lines import KeyPath, line_of
from tui.config.mistakes import Mistake, Mistakes, dotted, in_words
from tui.config.settings import ENV_DELIMITER, ENV_PREFIX, Settings
from tui.paths import config_directory

FILE_NAME = "config.toml"
_NEAR = 0.8


class Source(StrEnum):
    """Where a value can come from, the strongest first."""

    OPTION = "command line"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from; `line` is that of the file, `variable` that of the environment."""

    source: Source
    file: Path | None = None
    line: int | None = None
    variable: str | None = None

    def __str__(self) -> str:
        if self.file is not None:
            return f"{self.file}:{self.line}" if self.line else str(self.file)
        return self.variable or self.source


@dataclass(frozen=True, slots=True)
class Value:
    """A value in force, with its key and its origin."""

    key: str
    value: Any
    origin: Origin


@dataclass(frozen=True, slots=True)
class Loaded:
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
            return Origin(Source.ENVIRONMENT, variable=_variable(path))
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
    _refuse_near_misses()
    try:
        environment = EnvSettingsSource(Settings)()
    except SettingsError as error:
        raise Mistakes((_no_json(error),)) from error

    class FromAll(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            *_: Any,
            **__: Any,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            given = (environment, dict(file.content))
            return (init_settings, *(InitSettingsSource(settings_cls, each) for each in given))

    try:
        settings = FromAll(**(options or {}))
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


# --- the environment ------------------------------------------------------------------------------


def _variable(path: KeyPath) -> str:
    """The environment variable that a value comes from, as it is spelled."""
    spelled = {name.upper(): name for name in os.environ}
    for length in range(len(path), 0, -1):
        name = ENV_PREFIX + ENV_DELIMITER.join(str(part) for part in path[:length]).upper()
        if name in spelled:
            return spelled[name]
    return ENV_PREFIX


def _no_json(error: SettingsError) -> Mistake:
    """A value that holds more than one thing is JSON in the environment."""
    key = next((name for name in Settings.model_fields if f'"{name}"' in str(error)), "")
    return Mistake(_variable((key,)), key, "must be JSON in the environment")


def _refuse_near_misses() -> None:
    """A variable that is one of ours but for a slip: not to see it could be dangerous.

    Raises:
        Mistakes: with what was meant.
    """
    known = {name.upper() for name in Settings.model_fields}
    mistakes = []
    for name in os.environ:
        first = name.upper().partition(ENV_DELIMITER)[0]
        word = first.removeprefix(ENV_PREFIX)
        if not first.startswith(ENV_PREFIX) or word in known:
            continue
        near = get_close_matches(word, known, 1, _NEAR)
        if near:
            meant = f"did you mean {ENV_PREFIX}{near[0]}?"
            mistakes.append(Mistake(name, "", f"there is no such setting; {meant}"))
    if mistakes:
        raise Mistakes(tuple(mistakes))


# --- nested tables --------------------------------------------------------------------------------


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
