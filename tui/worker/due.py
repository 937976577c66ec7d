"""What should be asked of QEMU, and how soon: its events hint at it, and time goes by."""

import contextlib
import time
from collections.abc import Iterator

from tui.qmp.models import QmpEvent
from tui.worker.pace import Pace

_RUN_STATE_EVENTS = frozenset(
    {"STOP", "RESUME", "RESET", "SUSPEND", "WAKEUP", "GUEST_PANICKED", "BLOCK_IO_ERROR"}
)
_INVENTORY_EVENTS = frozenset({"BLOCK_IO_ERROR", "DEVICE_TRAY_MOVED", "DEVICE_DELETED"})
_INVENTORY_STATUSES = frozenset({"created", "concluded", "null"})


class Due:
    """Whether the run state is to be asked for, and when the disks are to be listed.

    A hint that comes while something is asked for, and a question that fails, ask for it again.

    Args:
        pace: how often the disks are listed.

    Attributes:
        run_state: whether it is to be asked for.
    """

    def __init__(self, pace: Pace) -> None:
        self.run_state = False
        self._pace = pace
        self._listed_at = float("-inf")
        self._list_again = True

    def hint(self, event: QmpEvent) -> bool:
        """Take in an event; returns whether it gives reason to ask QEMU something soon."""
        inventory = event.event in _INVENTORY_EVENTS or (
            event.event == "JOB_STATUS_CHANGE" and event.data.get("status") in _INVENTORY_STATUSES
        )
        if inventory:
            self.want_inventory()
        if event.event in _RUN_STATE_EVENTS:
            self.run_state = True
        return inventory or self.run_state

    def want_inventory(self) -> None:
        """Something hints that the disks are not as they were."""
        self._list_again = True

    def inventory_in(self) -> float:
        """Seconds until the disks should be listed again; never all the time, whatever happens."""
        interval = self._pace.busy if self._list_again else self._pace.inventory
        return max(0.0, self._listed_at + interval - time.monotonic())

    @contextlib.contextmanager
    def asking_run_state(self) -> Iterator[None]:
        """While the run state is asked for."""
        self.run_state = False
        try:
            yield
        except BaseException:
            self.run_state = True
            raise

    @contextlib.contextmanager
    def listing(self) -> Iterator[None]:
        """While the disks are asked for."""
        self._list_again = False
        self._listed_at = time.monotonic()
        try:
            yield
        except BaseException:
            self._list_again = True
            raise
