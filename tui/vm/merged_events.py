"""The events of several VMs as one stream, in the order of their time stamps."""

from collections.abc import Sequence
from dataclasses import replace

from tui.vm.events import EventLog, EventRecord

_MOST = 5000
"""Records that are shown at the most, of all VMs together."""


class MergedEvents:
    """The newest events of several logs; nothing is done where none has a new one."""

    def __init__(self) -> None:
        self._key: object = None
        self._records: tuple[EventRecord, ...] = ()

    def of(self, logs: Sequence[tuple[str, EventLog]]) -> tuple[EventRecord, ...]:
        """Those of these logs, each with the name of its VM, oldest first."""
        key = tuple((name, id(log), log.total) for name, log in logs)
        if key != self._key:
            self._key = key
            share = max(50, _MOST // max(1, len(logs)))
            found = [
                # A number that grows with time, so that the list can hold still at one of them.
                replace(record, vm=name, number=int(record.wall * 1_000_000))
                for name, log in logs
                for record in log.newest(share)
            ]
            found.sort(key=lambda record: record.wall)
            self._records = tuple(found[-_MOST:])
        return self._records
