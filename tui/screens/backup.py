"""The backup form of one disk: what is on it, and how it is started."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import PurePosixPath
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Button, Input

from tui.app_keys import APP_KEYS
from tui.backup.arguments import BLOCKDEV_BACKUP, DRIVE_BACKUP
from tui.backup.defaults import default_arguments
from tui.backup.draft import ParsedDraft
from tui.backup.fields import as_text, form_fields
from tui.backup.preview import as_json_line, as_qmp_shell
from tui.backup.way import Way, default_way
from tui.backup.way_field import WAY, way_field
from tui.backup.wish_fields import read_wishes
from tui.keymap import SHIELD, letters, remappable
from tui.qmp.errors import CommandRefused, NotAnswering, QmpError
from tui.screens.jobs import JobsScreen
from tui.screens.judged_form import JudgedForm
from tui.text import plain
from tui.vm.filenames import file_behind
from tui.vm.snapshot import Device, VmSnapshot
from tui.widgets.backup_form import BackupForm
from tui.widgets.command_preview import CommandPreview
from tui.widgets.form_foot import FormFoot
from tui.widgets.form_title import FormTitle
from tui.widgets.path_suggester import PathSuggester


class BackupScreen(JudgedForm):
    """A form over the disks; Escape goes back, and what was typed is kept until then.

    Args:
        device_key: the disk to back up.
    """

    PAGE = True
    BINDING_GROUP_TITLE = "Backup form"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "start", "Start", tooltip="Start the backup"),
        Binding("f3", "advanced", "Advanced", tooltip="Show or hide the rarer arguments"),
        Binding("f5", "copy_json", "Copy JSON", tooltip="Copy the command as QMP JSON (OSC 52)"),
        Binding("f6", "copy_shell", "Copy qmp-shell", tooltip="Copy the line for qmp-shell"),
        Binding("escape", "back", "Back", tooltip="Back to the disks"),
        # On a list of choices a letter looks for a choice: it must never quit or leave the form.
        Binding(letters(APP_KEYS), "none", show=False, id=SHIELD),
    ]
    BINDINGS = remappable("form", BINDINGS)

    # --- what is on it ---------------------------------------------------------------------------

    def compose_body(self) -> Iterable[Widget]:
        """Form on the left or on top, the command beside or under it, the start button below."""
        worker = self.worker
        schema = worker.schema if worker else None
        fields = form_fields(schema) if schema else ()
        # The disk was chosen on the screen before, and stands in the title.
        self._fields = tuple(field for field in fields if field.name != "device")
        if worker is not None and schema is not None:
            self._way_field = way_field(schema, worker.snapshot, self._device)
        yield FormTitle(id="form-title")
        with Container(id="backup"):
            suggester = PathSuggester(lambda: self.worker.process if self.worker else None)
            yield BackupForm(self._shown_fields, self._defaults(), suggester, id="backup-form")
            yield CommandPreview(id="preview")
        yield FormFoot(id="form-foot")

    def _defaults(self) -> dict[str, str]:
        worker, device = self.worker, self._device
        if worker is None or device is None:
            return {}
        arguments = default_arguments(
            device,
            worker.snapshot,
            self._directory(worker.snapshot, device),
            datetime.now().astimezone(),
            self.deck.settings.speed(worker.snapshot.address, worker.snapshot.name),
        )
        self._device_argument = arguments.get("device", "")
        known = {field.name for field in self._fields}
        texts = {name: as_text(value) for name, value in arguments.items() if name in known}
        if worker.schema is not None:
            texts[WAY] = default_way(worker.snapshot, device, worker.schema)
        return texts

    def _directory(self, vm: VmSnapshot, device: Device) -> str:
        """What is set, else where the last backup went, else beside the disk's own file."""
        chosen = self.deck.directory or self.deck.settings.directory(vm.address, vm.name)
        remembered = chosen or self.deck.memory.directories.get(vm.uuid or vm.name)
        if remembered:
            return remembered
        file = PurePosixPath(file_behind(device.medium.filename) if device.medium else "/")
        return str(file.parent) if file.is_absolute() else "/"

    def show_vm(self, vm: VmSnapshot) -> None:
        """The disk may have changed under the form."""
        self.query_one(FormTitle).show_device(vm.device(self._key), self._key, self.of_vm)

    # --- acting ----------------------------------------------------------------------------------

    @on(Input.Submitted)
    def _submitted(self) -> None:
        """Enter in a field goes to the button; a second Enter presses it."""
        if self.foot.start.disabled:
            self._go_to_blocker()
        else:
            self.foot.start.focus()

    @on(Button.Pressed, "#start")
    def _pressed(self) -> None:
        self.action_start()

    def action_start(self) -> None:
        """Start, or go to what keeps it from starting."""
        if self.read_only:
            words = "BlockDeck is read-only: the backup is not started. F5 copies its command."
            self.notify(words, severity="warning")
        elif self._blocker() is not None or self._verdict is None:
            self._go_to_blocker()
        elif not self._starting:
            self._start(self._draft(), self._way)

    def _go_to_blocker(self) -> None:
        blocker = self._blocker()
        if blocker is None:
            return
        if blocker.override:
            self.form.go_to_tick(blocker.rule)
        else:
            self.form.go_to(blocker.field)

    @work(group="start", exclusive=True, exit_on_error=True)
    async def _start(self, draft: ParsedDraft, way: Way) -> None:
        worker = self.worker
        if worker is None:
            return
        self._starting = True
        mode = self.app.current_mode
        self.foot.status("Asking QEMU ...", "ready")
        try:
            fleece, target_io = self._fleece, self._target_io
            verdict = await worker.judge(
                draft.arguments, way=way, fleece=fleece, target_io=target_io, fresh=True
            )
            await self._take(self._placed(draft.judged(verdict)))
            if self._blocker() is not None:
                self._go_to_blocker()
                return
            warnings = verdict.warnings(self.form.ticked)
            wishes, _ = read_wishes(self.form.texts)
            job_id = await worker.start(
                draft.arguments,
                way=way,
                fleece=fleece,
                target_io=target_io,
                warnings=warnings,
                wishes=wishes,
            )
        except CommandRefused as refusal:
            if self._gone:
                return
            self._refused(refusal.desc)
            self.form.go_to(self._refusal.field if self._refusal else None)
            self._message()
            return
        except NotAnswering as silence:
            if silence.command in (DRIVE_BACKUP, BLOCKDEV_BACKUP):
                told = "QEMU has not answered: it may or may not run. Look at the jobs first."
            else:
                told = "Not started: QEMU does not answer."
            self._say(told, "danger")
            return
        except QmpError as error:
            self._say(f"Not started: {error}", "refuses")
            return
        finally:
            self._starting = False
        if self.app.current_mode != mode:
            # Jobs or another screen was gone to meanwhile: this one is closed where it is.
            await self.app.switch_mode(mode)
        await self._started(job_id, str(draft.arguments.get("target", "")))

    async def _started(self, job_id: str, target: str) -> None:
        directory = PurePosixPath(target).parent
        if self.worker is not None and directory.is_absolute():
            await self.deck.remembered.directory(self.worker.snapshot, str(directory))
        self.notify(f"{plain(job_id, 60)}{self.of_vm} started", markup=False)
        if self in self.app.screen_stack:
            while self.app.screen is not self:
                await self.app.pop_screen()
            self._leave()
        await self.deck.action_show("jobs")
        if self.worker is not None and isinstance(self.app.screen, JobsScreen):
            self.app.screen.go_to_job(self.worker, job_id)

    def action_advanced(self) -> None:
        """Show or hide the rarer arguments."""
        self.form.advanced = not self.form.advanced
        if self.form.advanced:
            self.form.go_to_advanced()

    def action_copy_json(self) -> None:
        """Copy the commands as QMP takes them, one a line."""
        self.app.copy_to_clipboard("\n".join(map(as_json_line, self._commands)))
        self.notify("The QMP JSON was sent to your terminal's clipboard (OSC 52)")

    def action_copy_shell(self) -> None:
        """Copy the commands as lines for qmp-shell."""
        self.app.copy_to_clipboard("\n".join(map(as_qmp_shell, self._commands)))
        self.notify("The qmp-shell line was sent to your terminal's clipboard (OSC 52)")

    def action_none(self) -> None:
        """What these keys do elsewhere would lose what is filled in."""

    def action_back(self) -> None:
        """Back to the disks."""
        self._leave()

    def _leave(self) -> None:
        self._left = True
        self.dismiss(None)
