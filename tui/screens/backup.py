"""The backup form of one disk: filled in, judged as one types, started."""

import asyncio
import json
import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input

from tui.backup.advice import advice_for, field_of_refusal
from tui.backup.arguments import Json, command
from tui.backup.defaults import default_arguments
from tui.backup.draft import ParsedDraft, parse_draft
from tui.backup.fields import FormField, form_fields
from tui.backup.formstate import applicability
from tui.backup.preview import as_json_line, as_qmp_shell
from tui.backup.verdict import Finding, Severity, Verdict
from tui.qmp.errors import CommandRefused, NotAnswering, QmpError
from tui.screens.vm_screen import ROOMY, VmScreen
from tui.text import plain
from tui.units import size
from tui.vm.filenames import file_behind
from tui.vm.snapshot import Device, VmSnapshot
from tui.widgets.backup_form import BackupForm
from tui.widgets.command_preview import CommandPreview
from tui.widgets.form_foot import FormFoot
from tui.widgets.line import Line
from tui.widgets.path_suggester import PathSuggester

log = logging.getLogger(__name__)

_TYPING_PAUSE = 0.4
"""Seconds without a change after which QEMU itself is asked."""


class BackupScreen(VmScreen):
    """A form over the disks; Escape goes back, and what was typed is kept until then.

    Args:
        device_key: the disk to back up.
    """

    BINDING_GROUP_TITLE = "Backup form"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "start", "Start", tooltip="Start the backup"),
        Binding("f3", "advanced", "Advanced", tooltip="Show or hide the rarer arguments"),
        Binding("f5", "copy_json", "Copy JSON", tooltip="Copy the command as QMP JSON (OSC 52)"),
        Binding("f6", "copy_shell", "Copy qmp-shell", tooltip="Copy the line for qmp-shell"),
        Binding("escape", "back", "Back", tooltip="Back to the disks"),
        # On a list of choices a letter looks for a choice: it must never quit or leave the form.
        Binding("q,r,o,1,2,3", "none", show=False),
    ]

    def __init__(self, device_key: str) -> None:
        super().__init__()
        self._key = device_key
        self._verdict: Verdict | None = None
        self._refusal: Finding | None = None
        self._starting = False
        self._left = False
        self._fields: tuple[FormField, ...] = ()
        self._device_argument: Json = ""

    # --- what is on it ---------------------------------------------------------------------------

    def compose_body(self) -> Iterable[Widget]:
        """Form on the left or on top, the command beside or under it, the start button below."""
        worker = self.worker
        schema = worker.schema if worker else None
        fields = form_fields(schema) if schema else ()
        # The disk was chosen on the screen before, and stands in the title.
        self._fields = tuple(field for field in fields if field.name != "device")
        yield Line(id="form-title")
        with Container(id="backup"):
            suggester = PathSuggester(lambda: self.worker.process if self.worker else None)
            yield BackupForm(self._fields, self._defaults(), suggester, id="backup-form")
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
        )
        self._device_argument = arguments.get("device", "")
        known = {field.name for field in self._fields}
        return {name: _as_text(value) for name, value in arguments.items() if name in known}

    def _directory(self, vm: VmSnapshot, device: Device) -> str:
        """Where the last backup went, else beside the disk's own file."""
        remembered = self.deck.directory or self.deck.memory.directories.get(vm.uuid or vm.name)
        if remembered:
            return remembered
        file = PurePosixPath(file_behind(device.medium.filename) if device.medium else "/")
        return str(file.parent) if file.is_absolute() else "/"

    @property
    def _device(self) -> Device | None:
        return self.worker.snapshot.device(self._key) if self.worker else None

    @property
    def _gone(self) -> bool:
        """Whether the screen is on its way out: what lies in it may be taken away already."""
        # Of a screen that is being removed Textual says that it is not displayed.
        return self._left or not (self.is_attached and self.display)

    @property
    def form(self) -> BackupForm:
        """The form."""
        return self.query_one(BackupForm)

    @property
    def foot(self) -> FormFoot:
        """The message, the button, and why it is off."""
        return self.query_one(FormFoot)

    def on_mount(self) -> None:
        """Begin when the form is there."""
        # Before the first refresh the focus would not show in the style of the row.
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Start in the target, with a first verdict."""
        if not self.form.is_complete:
            # A screen is mounted before what lies deep in it.
            self.call_after_refresh(self._begin)
            return
        self.form.go_to("target")
        self._judge()

    def show_vm(self, vm: VmSnapshot) -> None:
        """The disk may have changed under the form."""
        device = vm.device(self._key)
        self.query_one("#form-title", Line).show(_title(device, self._key))

    # --- judging ---------------------------------------------------------------------------------

    def _draft(self) -> ParsedDraft:
        draft = parse_draft(self.form.texts, self._fields)
        arguments = {"device": self._device_argument, **draft.arguments}
        return ParsedDraft(arguments=arguments, findings=draft.findings)

    @on(BackupForm.Changed)
    def _changed(self, event: BackupForm.Changed) -> None:
        if self._refusal is not None and event.field is not None:
            self._refusal = None
        self._judge()

    @work(group="judge", exclusive=True)
    async def _judge(self) -> None:
        """Judge what is filled in; a newer change takes the place of this look."""
        if self._gone:
            return
        draft, worker = self._draft(), self.worker
        self.query_one(CommandPreview).show_command(
            command("drive-backup", draft.arguments), one_line=self.app.size.width < ROOMY
        )
        if worker is None:
            return
        self.form.apply(applicability(self.form.texts, self._device, worker.snapshot, self._fields))
        try:
            verdict = await worker.judge(draft.arguments)
        except QmpError as error:
            self._verdict = None
            self._say(f"Cannot be judged: {error}", "refuses")
            return
        verdict = draft.judged(verdict)
        await self._take(verdict)
        self._ask_qemu(draft, verdict)

    @work(group="referee", exclusive=True)
    async def _ask_qemu(self, draft: ParsedDraft, verdict: Verdict) -> None:
        """Have QEMU confirm by a dry run what the rules say, once the typing has stopped."""
        worker = self.worker
        if worker is None or verdict.verdict == "reject" or self._refusal is not None:
            return
        await asyncio.sleep(_TYPING_PAUSE)
        try:
            words = await worker.referee(draft.arguments)
        except QmpError as error:
            log.info("QEMU could not be asked: %s", error)
            return
        if words is None or self._starting or self._gone:
            return
        if self._draft() == draft:
            self._refused(words)

    async def _take(self, verdict: Verdict) -> None:
        if self._gone:
            return
        self._verdict = verdict
        await self.form.ask_for_ticks(verdict.to_tick())
        if self._gone:
            # The fields are being taken away while the last look at them comes back.
            return
        self.form.show_findings(self._findings())
        self.query_one(CommandPreview).show_notes(self._findings())
        blocker = self._blocker()
        self.foot.start.disabled = blocker is not None
        if blocker is not None:
            self.foot.status(f"Not yet: {self._label(blocker)}", blocker.severity)
        elif self._refusal is not None:
            self.foot.status("QEMU refused; change something and try again.", "refuses")
        else:
            self.foot.status("Ready. F2 starts the backup.", "ready")
        self._message()

    def _label(self, finding: Finding) -> str:
        """What to look at: the name of the field, or the whole of it."""
        if finding.override and finding.severity is not Severity.REFUSES:
            return "a box is to be ticked"
        labels = {field.name: field.label for field in self._fields}
        return labels.get(finding.field or "", "see the message")

    def on_descendant_focus(self) -> None:
        """Another field has the focus: say in full what there is to say about it."""
        self.form.mark_focused()
        self._message()

    def _message(self) -> None:
        """The message under the focused field in full; else what keeps the backup from starting."""
        row = self.form.focused_row
        blocker = self._refusal or self._blocker()
        told = row.message if row is not None else None
        # What concerns no field of the form, as the disk itself, is told nowhere else.
        if blocker is not None and (told is None or not self.form.has(blocker.field)):
            told = blocker.message, blocker.severity
        text, kind = told or (row.field.help if row is not None else "", "")
        self.foot.tell(text, kind)

    def _findings(self) -> tuple[Finding, ...]:
        """All that is to be said, and first what nobody can pass, whatever QEMU would say to it."""
        judged = self._verdict.findings if self._verdict else ()
        refusal = (self._refusal,) if self._refusal else ()
        hard = [f for f in judged if f.severity is Severity.DANGER and not f.override]
        return (*refusal, *hard, *(finding for finding in judged if finding not in hard))

    def _blocker(self) -> Finding | None:
        """What keeps the backup from being started; QEMU's own refusal may have passed."""
        ticked = self.form.ticked
        findings = (finding for finding in self._findings() if finding is not self._refusal)
        return next((finding for finding in findings if finding.blocks(ticked)), None)

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
        if self._blocker() is not None or self._verdict is None:
            self._go_to_blocker()
        elif not self._starting:
            self._start(self._draft())

    def _go_to_blocker(self) -> None:
        blocker = self._blocker()
        if blocker is None:
            return
        if blocker.override:
            self.form.go_to_tick(blocker.rule)
        else:
            self.form.go_to(blocker.field)

    @work(group="start", exclusive=True, exit_on_error=True)
    async def _start(self, draft: ParsedDraft) -> None:
        worker = self.worker
        if worker is None:
            return
        self._starting = True
        self.foot.status("Asking QEMU ...", "ready")
        try:
            verdict = await worker.judge(draft.arguments, fresh=True)
            await self._take(draft.judged(verdict))
            if self._blocker() is not None:
                self._go_to_blocker()
                return
            job_id = await worker.start(draft.arguments)
        except CommandRefused as refusal:
            if self._gone:
                return
            self._refused(refusal.desc)
            self.form.go_to(self._refusal.field if self._refusal else None)
            self._message()
            return
        except NotAnswering as silence:
            if silence.command == "drive-backup":
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
        await self._started(job_id, str(draft.arguments.get("target", "")))

    def _say(self, text: str, kind: str) -> None:
        """Why nothing can be started, if anybody still looks."""
        if not self._gone:
            self.foot.start.disabled = self._verdict is None
            self.foot.status(text, kind)

    async def _started(self, job_id: str, target: str) -> None:
        directory = PurePosixPath(target).parent
        if self.worker is not None and directory.is_absolute():
            await self.deck.remember_directory(self.worker.snapshot, str(directory))
        self.notify(f"{job_id} runs", markup=False)
        self._leave()
        await self.deck.action_show("jobs")

    def _refused(self, words: str) -> None:
        """QEMU says no in spite of it all: at the field it concerns, with nothing lost."""
        target = self.form.texts.get("target", "")
        # The path stands in its field: here it must not take the room of the reason.
        told = words.replace(target, plain(target, 40)) if target else words
        message = f"QEMU refused: {told.rstrip('. ')}. {advice_for(words) or ''}".rstrip()
        self._refusal = Finding(
            field=field_of_refusal(words),
            severity=Severity.REFUSES,
            rule="QEMU",
            message=message,
        )
        self.form.show_findings(self._findings())
        self.foot.status("QEMU refused; change something and try again.", "refuses")
        self._message()

    def _command(self) -> dict[str, Json]:
        return command("drive-backup", self._draft().arguments)

    def action_advanced(self) -> None:
        """Show or hide the rarer arguments."""
        self.form.advanced = not self.form.advanced

    def action_copy_json(self) -> None:
        """Copy the command as QMP takes it."""
        self.app.copy_to_clipboard(as_json_line(self._command()))
        self.notify("The QMP JSON was sent to your terminal's clipboard (OSC 52)")

    def action_copy_shell(self) -> None:
        """Copy the command as a line for qmp-shell."""
        self.app.copy_to_clipboard(as_qmp_shell(self._command()))
        self.notify("The qmp-shell line was sent to your terminal's clipboard (OSC 52)")

    def action_none(self) -> None:
        """What these keys do elsewhere would lose what is filled in."""

    def action_back(self) -> None:
        """Back to the disks."""
        self._leave()

    def _leave(self) -> None:
        self._left = True
        self.dismiss(None)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else json.dumps(value)


def _title(device: Device | None, key: str) -> Content:
    if device is None:
        return Content.assemble(
            (f" {plain(key, 60)} ", "bold"), ("is no longer there", "bold $text-error")
        )
    name = Content.assemble(" Back up ", (plain(device.title, 60), "bold $accent"))
    if device.obstacle is not None:
        return Content.assemble(name, (f"  {device.obstacle}", "bold $text-warning"))
    medium = device.medium
    about = f"  {medium.driver}, {size(medium.virtual_size)}" if medium else ""
    return Content.assemble(name, (about, "$muted"))
