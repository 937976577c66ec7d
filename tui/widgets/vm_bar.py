"""A line with the VMs that are open, where they are several."""

import functools
import time
from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual.content import Content

from tui.text import plain
from tui.vm.labels import LABEL
from tui.vm.snapshot import Link, VmSnapshot
from tui.widgets.alarm import alarm_of
from tui.widgets.line import Line

_MORE = 6
"""Cells for how many more there are on a side."""


class Tab(NamedTuple):
    """A VM as it stands in the line, and the style of its state."""

    text: str
    style: str


def tab_of(vm: VmSnapshot) -> Tab:
    """Name and state in a few cells: a sign or the number of its jobs."""
    name = plain(vm.title, LABEL)
    match vm.connection.link:
        case Link.CONNECTED:
            alarm = alarm_of(vm, time.monotonic())
            if alarm is not None:
                style = f"bold $text-{'error' if alarm.harm else 'warning'}"
                return Tab(f"{name} !{alarm.sign}", style)
            jobs = len(vm.live_jobs)
            return Tab(f"{name} ({jobs})" if jobs else name, "$accent" if jobs else "")
        case Link.CONNECTING:
            return Tab(f"{name} ...", "$text-warning")
        case Link.NOT_ANSWERING:
            return Tab(f"{name} ?", "bold $text-warning")
        case Link.LOST:
            return Tab(f"{name} LOST", "bold $text-error")


def fold(vms: Sequence[VmSnapshot], shown: int, width: int) -> Content:
    """As many as there is room for, the one on show among them, in brackets."""

    @functools.cache
    def tab(place: int) -> Tab:
        # Of a hundred VMs a few have room; the others are not looked at.
        made = tab_of(vms[place])
        return Tab(f"[{made.text}]" if place == shown else f" {made.text} ", made.style)

    first = last = shown
    room = width - 2 * _MORE - cell_len(tab(shown).text)
    while True:
        after = last + 1 < len(vms) and cell_len(tab(last + 1).text) <= room
        before = first > 0 and cell_len(tab(first - 1).text) <= room
        if not after and not before:
            break
        # To both sides alike, so that one sees where one is.
        if after and (not before or last - shown <= shown - first):
            last += 1
            room -= cell_len(tab(last).text)
        else:
            first -= 1
            room -= cell_len(tab(first).text)
    pieces: list[tuple[str, str]] = []
    if first > 0:
        pieces.append((f"<{first} ".ljust(_MORE), "$muted"))
    for place in range(first, last + 1):
        style = "bold reverse" if place == shown else tab(place).style
        pieces.append((tab(place).text, style))
    if last + 1 < len(vms):
        pieces.append((f" {len(vms) - last - 1}>", "$muted"))
    return Content.assemble(*pieces)


class VmBar(Line):
    """Hidden while there is but one VM."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._vms: Sequence[VmSnapshot] = ()
        self._place = 0
        self.display = False

    def show_vms(self, vms: Sequence[VmSnapshot], shown: VmSnapshot | None) -> None:
        """Show these, with one on show."""
        several = len(vms) > 1 and shown is not None
        if self.display != several:
            self.display = several
        self._vms = vms if several else ()
        if several:
            self._place = next((i for i, vm in enumerate(vms) if vm is shown), 0)
            self._draw()

    def _draw(self) -> None:
        if self._vms:
            self.show(fold(self._vms, self._place, max(1, self.size.width)))

    def on_resize(self) -> None:
        """More or fewer have room."""
        self._draw()
