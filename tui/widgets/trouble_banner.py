"""The line that says that the guest is stopped, or soon will be, or waits."""

import time

from textual.content import Content

from tui.text import plain
from tui.vm.snapshot import VmSnapshot
from tui.vm.trouble import describe, find_trouble
from tui.widgets.care_rows import shortage_words, stall_words
from tui.widgets.line import Line


class TroubleBanner(Line):
    """Seen while an I/O error keeps the guest stopped, a target is nearly full, or stalls."""

    _vm: VmSnapshot | None = None

    def on_mount(self) -> None:
        """While a job stands still nothing changes, but that it has for longer."""
        self.set_interval(1.0, self._again)

    def _again(self) -> None:
        if self._vm is not None and self._vm.live_jobs:
            self.show_vm(self._vm)

    def show_vm(self, vm: VmSnapshot | None) -> bool:
        """Show what stops the guest, or threatens to; tells whether a stop came or went."""
        self._vm = vm
        trouble = find_trouble(vm) if vm is not None else None
        threat = None
        if vm is not None and trouble is None:
            threat = stall_words(vm, time.monotonic()) or shortage_words(vm)
        if trouble is not None:
            words = plain(describe(trouble), 400)
            self.show_resized(Content.assemble((words, "bold"), " Press R for what to do."))
        elif threat is not None:
            self.show_resized(Content.styled(threat, "bold"))
        changed = self.has_class("-stopped") is (trouble is None)
        self.set_class(trouble is not None, "-stopped")
        self.set_class(threat is not None, "-threat")
        return changed
