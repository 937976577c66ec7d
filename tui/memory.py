"""What BlockDeck remembers between two runs: monitors used, directories backed up to."""

import logging
import os
import threading
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

log = logging.getLogger(__name__)

RECENT_KEPT = 12
"""Monitors that are kept whatever has become of them."""

MONITORS_KEPT = 200
"""Monitors that are kept while they may still be there: somebody has a hundred VMs."""

DIRECTORIES_KEPT = 200

_TURN = threading.Lock()
"""Several VMs may have something to remember at once, and there is one draft."""


class Memory(BaseModel):
    """The remembered things; most recent first.

    Attributes:
        monitors: addresses of monitors that were connected to.
        directories: the last target directory by VM (its UUID, or its name).
        fleeces: where its last chain saved what the guest overwrote, by VM as well.
        theme: the one that was chosen last.
    """

    model_config = ConfigDict(extra="ignore", defer_build=True)

    monitors: list[str] = []
    directories: dict[str, str] = {}
    fleeces: dict[str, str] = {}
    theme: str | None = None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the memory; a missing or damaged file is an empty memory."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except (OSError, ValidationError) as error:
            log.warning("what was remembered in %s cannot be read: %s", path, error)
            return cls()

    def save(self, path: Path) -> None:
        """Write the memory for its owner alone, whole or not at all; failing to is only logged."""
        try:
            with _TURN:
                path.parent.mkdir(parents=True, exist_ok=True)
                draft = path.with_name(f"{path.name}.{os.getpid()}")
                draft.touch(mode=0o600)
                draft.write_text(self._storable().model_dump_json(indent=1), encoding="utf-8")
                draft.replace(path)
        except OSError as error:
            log.warning("%s cannot be written: %s", path, error)

    def _storable(self) -> Self:
        """What JSON can hold; a path whose bytes are no UTF-8 is not worth losing the others."""
        kept = {
            "monitors": _still_there([one for one in self.monitors if _is_utf8(one)]),
            "directories": _last(self.directories),
            "fleeces": _last(self.fleeces),
        }
        return self.model_copy(update=kept)

    def used(self, monitor: str) -> None:
        """Remember a monitor as the most recent one."""
        self.monitors = [monitor, *(m for m in self.monitors if m != monitor)][:MONITORS_KEPT]


def _still_there(monitors: list[str]) -> list[str]:
    """All of them but for those used long ago that were sockets of this host and are gone."""
    # Some VMs have a socket of another name each time they are started.
    older = [one for one in monitors[RECENT_KEPT:] if one[:1] != "/" or os.path.lexists(one)]
    return [*monitors[:RECENT_KEPT], *older]


def _last(directories: dict[str, str]) -> dict[str, str]:
    storable = [item for item in directories.items() if all(map(_is_utf8, item))]
    return dict(storable[-DIRECTORIES_KEPT:])


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
