"""Events read cheaply: a job that ignores a lasting error has QEMU send 9,000 of them a second."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from tui.qmp.models import QmpEvent, Timestamp

_EVENT = re.compile(
    rb'\{"timestamp": \{"seconds": (-?\d{1,15}), "microseconds": (-?\d{1,9})\}, ("event": .*\})\s*',
    re.DOTALL,
)
_MOST_KEPT = 512
_LONGEST_KEPT = 512
_LONGEST_TURN = 0.005

# Pydantic would note for each event anew that all of it was given.
_ALL_OF_EVENT, _ALL_OF_STAMP = set(QmpEvent.model_fields), set(Timestamp.model_fields)


class QuickEvents:
    """Reads events as QEMU writes them, and each text but for its time only once.

    What is the same in many events is one object in all of them: nobody may change it.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[str, Mapping[str, Any]]] = {}

    def read(self, line: bytes) -> QmpEvent | None:
        """The event of a line; None where it is something else, or written in another way."""
        found = _EVENT.fullmatch(line)
        if found is None:
            return None
        seconds, microseconds, rest = found.groups()
        known = self._known.get(rest)
        if known is None:
            known = _name_and_data(rest)
            if known is None:
                return None
            if len(rest) <= _LONGEST_KEPT:
                if len(self._known) >= _MOST_KEPT:
                    self._known.clear()
                self._known[rest] = known
        stamp = Timestamp.model_construct(
            _ALL_OF_STAMP, seconds=int(seconds), microseconds=int(microseconds)
        )
        return QmpEvent.model_construct(
            _ALL_OF_EVENT, event=known[0], timestamp=stamp, data=known[1]
        )


def _name_and_data(rest: bytes) -> tuple[str, Mapping[str, Any]] | None:
    try:
        said = json.loads(b"{" + rest)
        # Whatever is no plain event is left to the library, which knows what to say of it.
        if not said.keys() <= {"event", "data"}:
            return None
        event = QmpEvent.model_validate(said)
    except (ValueError, RecursionError, ValidationError):
        return None
    return event.event, event.data


class Turns:
    """Tells a reader that finds more and more to read when others are to have a turn."""

    def __init__(self) -> None:
        self._since = float("-inf")

    def over(self) -> bool:
        """Whether it has read for long enough; asked after each message."""
        now = time.monotonic()
        if now - self._since < _LONGEST_TURN:
            return False
        self._since = now
        return True
