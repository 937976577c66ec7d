"""What was asked for when a backup was started."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class BackupRequest(BaseModel):
    """The arguments of `drive-backup`, the command that carries them out, what was warned of."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    arguments: Mapping[str, Any]
    way: str
    warnings: tuple[str, ...] = ()
