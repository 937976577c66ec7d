"""Which disk the form is about."""

from textual.content import Content

from tui.text import plain
from tui.units import size
from tui.vm.snapshot import Device
from tui.widgets.line import Line


class FormTitle(Line):
    """One line: the disk, what it is, and what speaks against a backup of it."""

    def show_device(self, device: Device | None, key: str, of_vm: str = "") -> None:
        """Show the disk, of which VM it is where that is told, or that the disk is gone."""
        self.show(_title(device, key, of_vm))


def _title(device: Device | None, key: str, of_vm: str) -> Content:
    if device is None:
        return Content.assemble(
            (f" {plain(key, 60)} ", "bold"), ("is no longer there", "bold $text-error")
        )
    name = Content.assemble(" Back up ", (plain(device.title, 60), "bold $accent"), of_vm)
    if device.obstacle is not None:
        return Content.assemble(name, (f"  {device.obstacle}", "bold $text-warning"))
    medium = device.medium
    about = f"  {medium.driver}, {size(medium.virtual_size)}" if medium else ""
    return Content.assemble(name, (about, "$muted"))
