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
from tui.screens.image_act import in_sentences
from tui.screens.image_plan import ImagePlanScreen
from tui.screens.path_prompt import as_path
from tui.text import plain
from tui.units import duration, size
from tui.widgets.line import Line
from tui.widgets.path_suggester import LocalPathSuggester
from tui.widgets.plain_input import PlainInput
from tui.widgets.plain_select import PlainSelect

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._+-]+")


class RestoreScreen(ImagePlanScreen):
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
        disks = [(plain(name, 60), name) for name in self._what.choices]
        formats = [
            ("qcow2: grows with what is in it", ImageFormat.QCOW2.value),
            ("raw: the bytes of the disk", ImageFormat.RAW.value),
        ]
        with Horizontal(classes="image-field"):
            yield Line(self._what.kind, classes="form-label")
            yield PlainSelect(disks, value=disks[0][1], id="restore-disk")
        with Horizontal(classes="image-field"):
            yield Line("Format", classes="form-label")
            yield PlainSelect(formats, value=formats[0][1], id="restore-format")
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
        self.query("#restore-target").focus()
        self.look()

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
        self.look()

    def forget_plan(self) -> None:
        """What was planned is of another disk, format or target."""
        self._plan = None

    async def plan(self) -> None:
        """Plan to restore the disk to the target that is typed.

        Raises:
            ImageError: it cannot be done.
        """
        target = as_path(self.query_one("#restore-target", Input).value)
        source = await asyncio.to_thread(self._what.find, self._disk)
        self._plan = plan = await plan_restore(source, target, self._format)
        self.show_text()
        self._say_ready(plan)

    def show_text(self) -> None:
        """Show the commands."""
        self.show_lines("#restore-shell", self.to_copy.split("\n"))

    @property
    def ready(self) -> bool:
        """Whether there is a plan."""
        return self._plan is not None

    @property
    def to_copy(self) -> str:
        """The commands as a shell takes them."""
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
            self.not_ready = f"{in_sentences(error)} Change what is typed to look at it anew."
            self.complain(error, "NOT RESTORED: ")
        else:
            self.not_ready = "it is done; a target that is typed anew can be restored to, too"
            took = f"{size(done.allocated)} in {duration(done.seconds)}"
            self.say(f"RESTORED to {done.path}: {took}, the same as the backup.", "ready")
        finally:
            self.ended()
            self._enable(True)
            self.forget_plan()

    def _enable(self, enabled: bool) -> None:
        if self.is_mounted:
            for control in self.query("Input, Select"):
                control.disabled = not enabled

    def action_copy(self) -> None:
        """Copy the commands as a shell takes them."""
        self.copy(self.to_copy, "The commands were")


def _overwrite(plan: RestorePlan) -> Confirm:
    assert plan.place.existing is not None
    return Confirm(
        title="Write over what is there?",
        text=f"Lost for good: {plan.place.existing.words}. It goes when the restored disk is "
        "complete and was compared with the backup.",
        yes="Write over it",
        no="Leave it",
    )
