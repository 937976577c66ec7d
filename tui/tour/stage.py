"""What a story looks at: the screen on top, the VM's snapshot, the directory of its backups."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import OptionList

from tui.chain.directory import chains_in
from tui.vm.job import Job
from tui.vm.snapshot import Device, VmSnapshot
from tui.widgets.form_row import FormRow
from tui.widgets.line import Line
from tui.widgets.live_table import LiveTable

if TYPE_CHECKING:
    from tui.app import BlockDeckApp
    from tui.demo.vm import DemoInfo

W = TypeVar("W", bound=Widget)


class Stage:
    """The app with the demo's VM, as conditions ask about it.

    Args:
        app: the app that is driven.
        info: of the demo's VM.
    """

    def __init__(self, app: "BlockDeckApp", info: "DemoInfo") -> None:
        self.app = app
        self.info = info

    @property
    def screen(self) -> Screen[Any]:
        """The screen on top."""
        return self.app.screen

    def shows(self, kind: type[Screen[Any]]) -> bool:
        """Whether a screen of that kind is on top, with all that is on it."""
        screen = self.screen
        return isinstance(screen, kind) and screen.is_mounted and screen.is_current

    def line(self, name: str) -> str:
        """The text of the line with that id; empty without one."""
        return next((line.text for line in self.screen.query(f"#{name}").results(Line)), "")

    def first(self, kind: type[W]) -> W | None:
        """The first widget of that kind on the screen on top."""
        return next(iter(self.screen.query(kind).results(kind)), None)

    @property
    def vm(self) -> VmSnapshot | None:
        """The VM as it was last seen."""
        return self.app.worker.snapshot if self.app.worker else None

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, the last one last."""
        return tuple(sorted(self.vm.jobs, key=lambda job: job.key)) if self.vm else ()

    @property
    def last_job(self) -> Job | None:
        """The job that began last."""
        return self.jobs[-1] if self.jobs else None

    def disk(self, name: str) -> Device | None:
        """The disk of that name."""
        return next((d for d in self.vm.devices if d.title == name), None) if self.vm else None

    def row(self, name: str) -> bool:
        """Whether the disk of that name is highlighted."""
        disk, table = self.disk(name), self.first(LiveTable)
        return disk is not None and table is not None and table.selected_key == disk.key

    @property
    def has_notices(self) -> bool:
        """Whether notices cover a part of the screen."""
        return bool(self.screen.query("Toast"))

    @property
    def target_is_full(self) -> bool:
        """Whether the fault lab has taken the target's room."""
        return self.app.lab is not None and self.app.lab.full

    @property
    def field(self) -> str:
        """The field of a form that has the focus."""
        focused = self.app.focused
        rows = [node for node in focused.ancestors if isinstance(node, FormRow)] if focused else []
        return rows[0].field.name if rows else ""

    def given(self, name: str) -> str:
        """What is typed or chosen in the field of that name; empty without one."""
        rows = self.screen.query(FormRow).results(FormRow)
        return next((row.text for row in rows if row.field.name == name), "")

    def first_choice(self, words: str) -> bool:
        """Whether the first choice on top, as in the command palette, has these words."""
        shown = self.first(OptionList)
        if shown is None or not shown.option_count:
            return False
        return words.lower() in str(shown.get_option_at_index(0).prompt).lower()

    def highlights(self, words: str) -> bool:
        """Whether the choice that is highlighted, in the list with the focus, begins like that."""
        focused = self.app.focused
        option = focused.highlighted_option if isinstance(focused, OptionList) else None
        return option is not None and str(option.prompt).startswith(words)

    async def points(self, count: int) -> bool:
        """Whether a chain has so many complete points."""
        kept, _ = await asyncio.to_thread(chains_in, Path(self.info.backups))
        return any(
            len([point for point in one.chain.points if point.complete]) >= count for one in kept
        )
