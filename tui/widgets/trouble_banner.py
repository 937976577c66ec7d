"""The red line that says that the guest is stopped."""

from textual.content import Content

from tui.text import plain
from tui.vm.snapshot import VmSnapshot
from tui.vm.trouble import describe, find_trouble
from tui.widgets.line import Line


class TroubleBanner(Line):
    """Seen only while an I/O error keeps the guest stopped."""

    def show_vm(self, vm: VmSnapshot | None) -> bool:
        """Show what stops the guest; tells whether the banner came or went."""
        trouble = find_trouble(vm) if vm is not None else None
        if trouble is not None:
            words = plain(describe(trouble), 400)
            self.show_resized(Content.assemble((words, "bold"), " Press R for what to do."))
        changed = self.has_class("-stopped") is (trouble is None)
        self.set_class(trouble is not None, "-stopped")
        return changed
