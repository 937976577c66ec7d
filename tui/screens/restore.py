"""Restore a disk, at a point or from an image: a form, the commands, the restore as it goes."""

import asyncio
import re
from collections.abc import Iterable
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Select

from tui.images.commands import ImageFormat
from tui.images.errors import ImageError
from tui.images.restorable import Restorable
from tui.images.restore import RestorePlan, plan_restore, restore
from tui.keymap import remappable
from tui.screens.confirm import Confirm
from tui.screens.image_act import ImageActScreen
from tui.screens.path_prompt import as_path
from tui.text import plain
from tui.units import duration, size
from tui.widgets.line import Line
from tui.widgets.path_suggester import LocalPathSuggester
from tui.widgets.plain_input import PlainInput

_PAUSE = 0.25
"""Seconds without a key after which what is typed is looked at."""

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._+-]+")


class RestoreScreen(ImageActScreen):
    """Shows the exact commands while the target is typed; F2 restores.

    Args:
        what: a point of a chain, or images without a manifest.
    """

    ACT = "restore"
    BINDING_GROUP_TITLE = "Restore"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "start", "Restore", tooltip="Restore the disk to the new image"),
        Binding("f5", "copy", "Copy commands", tooltip="Copy the commands for a shell (OSC 52)"),
    ]
    BINDINGS = remappable("restore", BINDINGS)

    def __init__(self, what: Restorable) -> None:
        super().__init__(f"Restore {what.title}")
        self._what = what
        self._plan: RestorePlan | None = None
        self._suggested = ""

    def compose_body(self) -> Iterable[Widget]:
        """Disk, format, target, commands."""
        # What a Select offers is markup.
        disks = [(plain(name, 60).replace("[", "\\["), name) for name in self._what.choices]
        formats = [
            ("qcow2: grows with what is in it", ImageFormat.QCOW2.value),
            ("raw: the bytes of the disk", ImageFormat.RAW.value),
        ]
        with Horizontal(classes="image-field"):
            yield Line(self._what.kind, classes="form-label")
            yield Select(
                disks, value=disks[0][1], allow_blank=False, compact=True, id="restore-disk"
            )
        with Horizontal(classes="image-field"):
            yield Line("Format", classes="form-label")
            yield Select(
                formats, value=formats[0][1], allow_blank=False, compact=True, id="restore-format"
            )
        with Horizontal(classes="image-field"):
            yield Line("To", classes="form-label")
            yield PlainInput(
                "", suggester=LocalPathSuggester(), max_length=4096, id="restore-target"
            )
        with VerticalScroll(id="restore-commands", can_focus=True):
            yield Line("The same without BlockDeck:", classes="form-section")
            yield Line(id="restore-shell")

    def on_mount(self) -> None:
        """Start on the target."""
        self._suggest()
        self.query_one("#restore-target").focus()
        self._look()

    # --- what is typed ---------------------------------------------------------------------------

    @property
    def _disk(self) -> str:
        return str(self.query_one("#restore-disk", Select).value)

    @property
    def _format(self) -> ImageFormat:
        return ImageFormat(str(self.query_one("#restore-format", Select).value))

    def _suggest(self) -> None:
        """A target beside the backups' directory, unless another was typed."""
        field = self.query_one("#restore-target", Input)
        if field.value not in ("", self._suggested):
            return
        name = _NOT_IN_NAMES.sub("_", self._what.stem(self._disk)).lstrip(".-") or "disk"
        self._suggested = str(self._what.directory.parent / f"{name}.{self._format}")
        field.value = self._suggested

    @on(Select.Changed)
    def _chosen(self) -> None:
        self._suggest()
        self._look()

    @on(Input.Changed)
    def _typed(self) -> None:
        self._look()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_start()

    @work(group="look", exclusive=True)
    async def _look(self) -> None:
        """Plan it anew, once nothing was typed for a moment."""
        if self.running:
            return
        self._plan = None
        self.refresh_bindings()
        await asyncio.sleep(_PAUSE)
        await self._look_now()

    async def _look_now(self) -> None:
        target = as_path(self.query_one("#restore-target", Input).value)
        try:
            source = await asyncio.to_thread(self._what.find, self._disk)
            plan = await plan_restore(source, target, self._format)
        except ImageError as error:
            self.show_text()
            self.complain(error, "Not yet: ")
            return
        self._plan = plan
        self.show_text()
        self._say_ready(plan)
        self.refresh_bindings()

    def show_text(self) -> None:
        """Show the commands."""
        self.show_lines("#restore-shell", self._shell.split("\n"), "    ")

    @property
    def _shell(self) -> str:
        plan = self._plan
        return plan.shell(overwrite=plan.place.existing is not None) if plan else ""

    def _say_ready(self, plan: RestorePlan) -> None:
        room = f"It takes {size(plan.required)}, there is room for {size(plan.place.free)}."
        if plan.place.existing is not None:
            self.say(f"There is {plan.place.existing.words}. F2 asks whether it may go.", "warning")
        elif plan.source.doubts:
            self.say(f"Ready, but {plan.source.doubts[0]}. F2 restores. {room}", "warning")
        else:
            self.say(f"Ready. F2 restores. {room}", "ready")

    # --- acting ----------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what cannot be done."""
        if action == "start":
            return (self._plan is not None and not self.running) or None
        if action == "copy":
            return self._plan is not None or None
        return super().check_action(action, parameters)

    @work(group="act", exclusive=True)
    async def action_start(self) -> None:
        """Restore; what is there now goes only after a question."""
        plan = self._plan
        if plan is None or self.running:
            return
        existing = plan.place.existing
        if existing is not None and not await self.app.push_screen_wait(_overwrite(plan)):
            return
        self.begins()
        self._enable(False)
        try:
            done = await restore(
                plan, overwrite=existing is not None, on_progress=self.show_progress
            )
        except ImageError as error:
            self.complain(error, "NOT RESTORED: ")
        else:
            took = f"{size(done.allocated)} in {duration(done.seconds)}"
            self.say(f"RESTORED to {done.path}: {took}, the same as the backup.", "ready")
        finally:
            self.ended()
            self._enable(True)
            self._plan = None

    def _enable(self, enabled: bool) -> None:
        if self.is_mounted:
            for control in self.query("Input, Select"):
                control.disabled = not enabled

    def action_copy(self) -> None:
        """Copy the commands as a shell takes them."""
        if self._plan is not None:
            self.copy(self._shell, "The commands were")


def _overwrite(plan: RestorePlan) -> Confirm:
    assert plan.place.existing is not None
    return Confirm(
        title="Write over what is there?",
        text=f"Lost for good: {plan.place.existing.words}. It goes when the restored disk is "
        "complete and was compared with the backup.",
        yes="Write over it",
        no="Leave it",
    )
