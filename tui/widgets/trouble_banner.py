"""The line that says that the guest is stopped, or soon will be, or waits."""

import time

from textual.content import Content

from tui.vm.snapshot import VmSnapshot
from tui.vm.trouble import find_trouble
from tui.widgets.alarm import alarm_of
from tui.widgets.line import Line


class TroubleBanner(Line):
    """Seen while the guest is stopped or loses writes, or a backup may bring that about."""

    _vm: VmSnapshot | None = None
    _stopped = False

    def on_mount(self) -> None:
        """While a job stands still nothing changes, but that it has for longer."""
        self.set_interval(1.0, self._again)

    def _again(self) -> None:
        if self._vm is not None and self._vm.live_jobs:
            self.show_vm(self._vm)

    def show_vm(self, vm: VmSnapshot | None) -> bool:
        """Show what harms the guest, or threatens to; tells whether a stop came or went."""
        self._vm = vm
        alarm = alarm_of(vm, time.monotonic()) if vm is not None else None
        if alarm is not None:
            advice = f" {alarm.advice}" if alarm.advice else ""
            self.show_resized(Content.assemble((alarm.words, "bold"), advice))
        self.set_class(alarm is not None and alarm.harm, "-harm")
        self.set_class(alarm is not None and not alarm.harm, "-threat")
        before = self._stopped
        self._stopped = vm is not None and find_trouble(vm) is not None
        return self._stopped is not before
