"""A new speed limit for a job that runs."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui.backup.draft import parse_speed
from tui.text import plain
from tui.units import rate
from tui.vm.snapshot import Job
from tui.widgets.line import Line
from tui.widgets.plain_input import PlainInput

_MIB = 1 << 20
PRESETS = (0, 500 * _MIB, 200 * _MIB, 100 * _MIB, 50 * _MIB, 20 * _MIB, 5 * _MIB, _MIB)
"""Bytes a second; 0 is without limit."""


class SpeedScreen(ModalScreen[int | None]):
    """Gives bytes a second, 0 for no limit, or None where nothing is to change."""

    BINDING_GROUP_TITLE = "Speed"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Leave as it is"),
        Binding("down", "app.focus_next", "Presets", show=False),
    ]

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job

    def compose(self) -> ComposeResult:
        """What is, a line to type in, and what is often wanted."""
        with Vertical(classes="dialog acts"):
            yield Line(f"Speed limit of {plain(self._job.id, 60)}", classes="dialog-title")
            yield Line(self._present(), classes="dialog-text")
            yield PlainInput(placeholder="50M, 1.5 GiB/s, or 0 for no limit", id="speed-input")
            yield Line(" ", id="speed-error")
            yield OptionList(
                *(Option(_words(speed), id=str(speed)) for speed in PRESETS),
                id="speed-presets",
                markup=False,
            )
            yield Line("Enter sets it, Esc leaves it as it is.", classes="dialog-hint")

    def _present(self) -> str:
        copies = f", copies {rate(self._job.rate)}" if self._job.rate is not None else ""
        limit = rate(self._job.speed) if self._job.speed else "no limit"
        return f"Now: {limit}{copies}. Lower is easier on the guest."

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.query_one("#speed-error", Line).show(_mistake(event.value) if event.value else " ")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        mistake = _mistake(event.value)
        self.query_one("#speed-error", Line).show(mistake)
        if not mistake.strip():
            self.dismiss(parse_speed(event.value))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(int(event.option.id or 0))


def _words(speed: int) -> str:
    return rate(speed) if speed else "No limit"


def _mistake(text: str) -> str:
    try:
        parse_speed(text)
    except ValueError as error:
        return str(error)
    return " "
