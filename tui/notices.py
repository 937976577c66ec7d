"""What is said though nobody asked, whichever screen is on show."""

import logging
import time
from typing import Any
from weakref import WeakKeyDictionary

from textual.app import App
from textual.notifications import SeverityLevel

from tui.text import plain
from tui.vm.snapshot import VmSnapshot
from tui.widgets.alarm import Alarm, alarm_of
from tui.worker import VmWorker

_LOOK_AGAIN = 1.0
"""After so many seconds a VM of which nothing new is known is looked at again: alarms pass."""

log = logging.getLogger(__name__)


class Notices:
    """Says each thing once, by a toast of the app.

    Args:
        app: shows the toasts.
    """

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._alarms: dict[VmWorker, Alarm] = {}
        self._looked: WeakKeyDictionary[VmWorker, tuple[VmSnapshot, float]] = WeakKeyDictionary()
        self._audit_problem = ""

    def of_fault(self, monitor: str, error: BaseException) -> None:
        """Say that the watch over a VM ended by a fault of the program."""
        log.error("the worker of %s failed", monitor, exc_info=error)
        self._app.notify(
            f"A fault of BlockDeck's own ({type(error).__name__}) ended the watch over the VM of "
            f"{plain(monitor, 200)}. Its jobs go on in QEMU. Press o to open the monitor again.",
            severity="error",
            timeout=60,
            markup=False,
        )

    def of_trouble(self, worker: VmWorker, *, on_show: bool) -> None:
        """Say once of a VM that is not on show what would stand on its screens."""
        vm, now = worker.snapshot, time.monotonic()
        seen, when = self._looked.get(worker, (None, now))
        if seen is vm and now - when < _LOOK_AGAIN:
            return
        self._looked[worker] = vm, now
        alarm, told = alarm_of(vm, now), self._alarms.pop(worker, None)
        if alarm is None:
            return
        self._alarms[worker] = alarm
        if not on_show and (told is None or told.sign != alarm.sign):
            words = f"{plain(vm.title, 60)}: {alarm.words} 0 lists the VMs."
            severity: SeverityLevel = "error" if alarm.harm else "warning"
            self._app.notify(words, severity=severity, timeout=60, markup=False)

    def of_audit(self, vm: VmSnapshot) -> None:
        """Say once that acts go on without being written down."""
        if vm.audit_problem and vm.audit_problem != self._audit_problem:
            words = f"The audit log cannot be written: {vm.audit_problem}. Acts go on without it."
            self._app.notify(plain(words), severity="error", timeout=30, markup=False)
        self._audit_problem = vm.audit_problem
