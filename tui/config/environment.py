"""What the environment sets."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from tui.config.key_path import KeyPath
from tui.config.mistakes import Mistake, Mistakes
from tui.config.settings import Settings

ENV_PREFIX = "BLOCKDECK_"
ENV_DELIMITER = "__"
_NEAR = 0.8


def read_environment() -> Mapping[str, Any]:
    """What the variables of ours say, nested like the model; nothing where there is none.

    Raises:
        Mistakes: one is a slip of the pen, or holds no JSON where it must.
    """
    ours = [name for name in os.environ if name.upper().startswith(ENV_PREFIX)]
    if not ours:
        # To import what reads them takes a tenth of the time until the first disk is shown.
        return {}
    _refuse_near_misses(ours)
    from pydantic_settings import (
        BaseSettings,
        EnvSettingsSource,
        SettingsConfigDict,
        SettingsError,
    )

    class FromEnvironment(Settings, BaseSettings):
        model_config = SettingsConfigDict(
            env_prefix=ENV_PREFIX, env_nested_delimiter=ENV_DELIMITER, env_ignore_empty=True
        )

    try:
        return EnvSettingsSource(FromEnvironment)()
    except SettingsError as error:
        raise Mistakes((_no_json(error),)) from error


def variable(path: KeyPath) -> str:
    """The environment variable that a value comes from, as it is spelled."""
    spelled = {name.upper(): name for name in os.environ}
    for length in range(len(path), 0, -1):
        name = ENV_PREFIX + ENV_DELIMITER.join(str(part) for part in path[:length]).upper()
        if name in spelled:
            return spelled[name]
    return ENV_PREFIX


def _no_json(error: Exception) -> Mistake:
    """A value that holds more than one thing is JSON in the environment."""
    key = next((name for name in Settings.model_fields if f'"{name}"' in str(error)), "")
    return Mistake(variable((key,)), key, "must be JSON in the environment")


def _refuse_near_misses(names: list[str]) -> None:
    """A variable that is one of ours but for a slip: not to see it could be dangerous.

    Raises:
        Mistakes: with what was meant.
    """
    known = {name.upper() for name in Settings.model_fields}
    mistakes = []
    for name in names:
        word = name.upper().partition(ENV_DELIMITER)[0].removeprefix(ENV_PREFIX)
        if word in known:
            continue
        near = get_close_matches(word, known, 1, _NEAR)
        if near:
            meant = f"did you mean {ENV_PREFIX}{near[0]}?"
            mistakes.append(Mistake(name, "", f"there is no such setting; {meant}"))
    if mistakes:
        raise Mistakes(tuple(mistakes))
