"""The top line: which screen and VM, which QEMU, whether the guest runs, how it is connected."""

import time

from rich.cells import cell_len
from textual.content import Content
from textual.timer import Timer

from tui.text import plain
from tui.units import duration
from tui.vm.snapshot import Link, VmSnapshot
from tui.widgets.line import Line

_GRAVE_RUN_STATES = frozenset({"io-error", "internal-error", "guest-panicked"})
_PART = tuple[str, str]
_BRAND: _PART = (" BlockDeck ", "bold $accent")
_BRAND_FROM = 110
"""Columns from which there is room for more than what changes."""
_SHORTEST_NAME, _LONGEST_NAME = 10, 48
_COUNT_EVERY, _TELL_EVERY = 0.1, 1.0
"""Seconds between two paints while the guest is frozen, and while QEMU does not answer."""


class VmHeader(Line):
    """One line about the VM, words before colours."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._vm: VmSnapshot | None = None
        self._counting: tuple[float, Timer] | None = None

    def show_vm(self, vm: VmSnapshot | None) -> None:
        """Show the VM, or that there is none."""
        self._vm = vm
        self.show(_describe(vm, str(self.screen.BINDING_GROUP_TITLE), self.size.width))
        self._count(_pause(vm))

    def _count(self, pause: float | None) -> None:
        """Paint again and again, with such a pause; None: only when something changes."""
        if self._counting is not None and self._counting[0] != pause:
            self._counting[1].stop()
            self._counting = None
        if self._counting is None and pause is not None:
            timer = self.set_interval(pause, lambda: self.show_vm(self._vm))
            self._counting = (pause, timer)

    def on_resize(self) -> None:
        """The VM's name takes what room there is."""
        self.show_vm(self._vm)


def _describe(vm: VmSnapshot | None, screen: str, width: int) -> Content:
    # Like the VM on show among several: reversed, as a tab that is open.
    where: list[_PART] = [(f" {screen} ", "bold reverse $accent"), (" ", "")]
    if width >= _BRAND_FROM:
        where.insert(0, _BRAND)
    if vm is None:
        return Content.assemble(*where, ("no VM", "$muted"))
    parts: list[_PART] = []
    if vm.frozen_since is not None:
        seconds = max(0.0, time.monotonic() - vm.frozen_since)
        parts.append((f"frozen {seconds:.1f} s", "bold $text-warning"))
    if vm.read_only:
        parts.append(("READ-ONLY", "bold $text-warning"))
    if vm.audit_problem:
        parts.append(("NO AUDIT LOG", "bold $text-error"))
    if vm.version is not None:
        parts.append((f"QEMU {vm.version.qemu}", ""))
    if vm.run_state:
        parts.append(_run_state(vm.run_state, heard=vm.answers))
    parts.append(_link(vm))
    # How the connection stands comes last, and must not be cut off for the sake of a long name.
    taken = sum(cell_len(text) for text, _ in where)
    rest = taken + sum(cell_len(text) + 3 for text, _ in parts) + 1
    if taint := _taint(vm, width - rest - _SHORTEST_NAME):
        parts.insert(0, (taint, "$text-warning"))
        rest += cell_len(taint) + 3
    name = plain(vm.title, min(max(width - rest, _SHORTEST_NAME), _LONGEST_NAME))
    parts.insert(0, (name, "bold"))
    separated = [piece for part in parts for piece in ((" │ ", "$muted"), part)]
    return Content.assemble(*where, *separated[1:])


def _taint(vm: VmSnapshot, room: int) -> str:
    """That libvirt has marked the domain; it was told before, and gives way to what changes."""
    if not vm.address.startswith(("qemu:", "qemu+")):
        return ""
    return next((t for t in ("tainted in libvirt", "tainted") if cell_len(t) + 3 <= room), "")


def _pause(vm: VmSnapshot | None) -> float | None:
    if vm is not None and vm.frozen_since is not None:
        return _COUNT_EVERY
    silent = vm is not None and vm.connection.link is Link.NOT_ANSWERING
    return _TELL_EVERY if silent else None


def _run_state(state: str, *, heard: bool) -> _PART:
    if not heard:
        return f"was {state}", "$text-warning"
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
            return f"connected, {jobs} job{'' if jobs == 1 else 's'} running", "bold $accent"
        case Link.CONNECTING:
            return "connecting", "$text-warning"
        case Link.NOT_ANSWERING:
            silent = duration(time.monotonic() - connection.since)
            return f"NOT ANSWERING for {silent}", "bold $text-error"
        case Link.LOST:
            return "LOST, trying again", "bold $text-error"
