"""The top line: which VM, which QEMU, whether the guest runs, how the connection stands."""

from textual.content import Content

from tui.text import plain
from tui.vm.snapshot import Link, VmSnapshot
from tui.widgets.line import Line

_GRAVE_RUN_STATES = frozenset({"io-error", "internal-error", "guest-panicked"})
_PART = tuple[str, str]


class VmHeader(Line):
    """One line about the VM, words before colours."""

    def show_vm(self, vm: VmSnapshot | None) -> None:
        """Show the VM, or that there is none."""
        self.show(_describe(vm))


def _describe(vm: VmSnapshot | None) -> Content:
    brand: _PART = (" BlockDeck ", "bold $accent")
    if vm is None:
        return Content.assemble(brand, (" no VM", "$muted"))
    parts: list[_PART] = [(plain(vm.title, 32), "bold")]
    if vm.version is not None:
        parts.append((f"QEMU {vm.version.qemu}", ""))
    if vm.run_state:
        parts.append(_run_state(vm.run_state))
    parts.append(_link(vm))
    separated = [piece for part in parts for piece in (("│ ", "$muted"), part, " ")]
    return Content.assemble(brand, *separated)


def _run_state(state: str) -> _PART:
    if state == "running":
        return state, "$text-success"
    return state, "bold $text-error" if state in _GRAVE_RUN_STATES else "bold $text-warning"


def _link(vm: VmSnapshot) -> _PART:
    connection = vm.connection
    match connection.link:
        case Link.CONNECTED:
            jobs = len(vm.live_jobs)
            if jobs == 0:
                return "connected", "$text-success"
            return f"connected, {jobs} job{'' if jobs == 1 else 's'} running", "bold $text-accent"
        case Link.CONNECTING:
            return "connecting", "$text-warning"
        case Link.NOT_ANSWERING:
            return f"NOT ANSWERING: {plain(connection.detail, 80)}", "bold $text-error"
        case Link.LOST:
            return f"LOST, trying again: {plain(connection.detail, 80)}", "bold $text-error"
