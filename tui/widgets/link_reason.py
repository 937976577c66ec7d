"""The line that says why QEMU cannot be reached."""

from textual.content import Content

from tui.text import plain
from tui.vm.snapshot import Link, VmSnapshot
from tui.widgets.line import Line


class LinkReason(Line):
    """Seen while QEMU does not answer or is lost, in full: the top line has no room for reasons."""

    def show_vm(self, vm: VmSnapshot | None) -> None:
        """Show the reason, and what can be done about it."""
        away = vm is not None and vm.connection.link in (Link.NOT_ANSWERING, Link.LOST)
        if vm is not None and away:
            advice = plain(vm.connection.advice, 400)
            self.show_resized(Content.assemble(plain(vm.connection.detail, 400), " ", advice))
        if self.display != away:
            self.display = away
