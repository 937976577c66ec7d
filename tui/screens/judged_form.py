"""A form that is judged as one types: by the rules at once, by QEMU when the typing has stopped."""

import asyncio
import logging
from collections.abc import Mapping

from textual import on, work
from textual.widget import Widget

from tui.backup.advice import refusal_in_words
from tui.backup.arguments import Json, command
from tui.backup.draft import ParsedDraft, parse_draft
from tui.backup.fields import FormField
from tui.backup.formstate import applicability
from tui.backup.presets import PRESET, PRESET_FIELD, Preset, fill_in, is_in_force
from tui.backup.target_io import TARGET_IO, TargetIo, read_target_io
from tui.backup.target_io_field import TARGET_IO_FIELD
from tui.backup.verdict import Finding, Severity, Verdict
from tui.backup.way import Way
from tui.backup.way_field import WAY, at_the_switch
from tui.backup.wish_fields import FLEECE, WISH_FIELDS, read_wishes
from tui.once import once
from tui.paths import sheets
from tui.qmp.errors import QmpError
from tui.screens.vm_screen import ROOMY, VmScreen
from tui.vm.snapshot import Device
from tui.widgets.backup_form import BackupForm
from tui.widgets.command_preview import CommandPreview
from tui.widgets.form_foot import FormFoot

log = logging.getLogger(__name__)

_TYPING_PAUSE = 0.4
"""Seconds without a change after which QEMU itself is asked."""


_NOT_QEMUS = frozenset({WAY, PRESET, TARGET_IO, *(field.name for field in WISH_FIELDS)})
"""Fields that are no arguments."""


class JudgedForm(VmScreen):
    """What is filled in, what is to be said of it, and where that is told.

    Args:
        device_key: the disk to back up.
    """

    CSS_PATH = sheets("dialogs", "form")

    TYPED = True

    def __init__(self, device_key: str) -> None:
        super().__init__()
        self._key = device_key
        self._verdict: Verdict | None = None
        self._refusal: Finding | None = None
        self._starting = False
        self._left = False
        self._fields: tuple[FormField, ...] = ()
        self._way_field: FormField | None = None
        self._device_argument: Json = ""
        self._commands: tuple[Mapping[str, Json], ...] = ()

    @property
    def _device(self) -> Device | None:
        return self.worker.snapshot.device(self._key) if self.worker else None

    @property
    def _gone(self) -> bool:
        """Whether the screen is on its way out: what lies in it may be taken away already."""
        # Of a screen that is being removed Textual says that it is not displayed.
        return self._left or not (self.is_attached and self.display)

    @property
    def _shown_fields(self) -> tuple[FormField, ...]:
        way = (self._way_field,) if self._way_field else ()
        return (*self._fields, *way, PRESET_FIELD, *WISH_FIELDS, TARGET_IO_FIELD)

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
        self.call_after_refresh(once, self, self._can_begin, self._begin)

    def _can_begin(self) -> bool:
        """A screen is mounted before what lies deep in it."""
        return self._gone or self.form.is_complete

    def _begin(self) -> None:
        """Start in the target, with a first verdict."""
        if self._gone:
            return
        self.form.go_to("target")
        self._judge()

    # --- judging ---------------------------------------------------------------------------------

    @property
    def _way(self) -> Way:
        """How the backup is to be carried out."""
        return Way(self.form.texts.get(WAY) or Way.DRIVE)

    @property
    def _fleece(self) -> str:
        """Where what the guest overwrites is to be saved first; "" is nowhere."""
        return self.form.texts.get(FLEECE, "").strip()

    @property
    def _target_io(self) -> TargetIo:
        """How a target that is a node is to be written to."""
        return read_target_io(self.form.texts)

    def _draft(self) -> ParsedDraft:
        texts = {name: text for name, text in self.form.texts.items() if name not in _NOT_QEMUS}
        draft = parse_draft(texts, self._fields)
        arguments = {"device": self._device_argument, **draft.arguments}
        _, mistakes = read_wishes(self.form.texts)
        return ParsedDraft(arguments=arguments, findings=(*draft.findings, *mistakes))

    @on(BackupForm.Changed)
    def _changed(self, event: BackupForm.Changed) -> None:
        if self._refusal is not None and event.field is not None:
            self._refusal = None
        self._preset(event.field)
        self._judge()

    def _preset(self, changed: str | None) -> None:
        """Fill in what a preset wants; it is none any more once something else is chosen."""
        chosen, form = self.form.texts.get(PRESET), self.form
        if not chosen:
            return
        preset, known = Preset(chosen), frozenset(form.texts)
        if changed in (PRESET, "format", "mode", "compress"):
            for name, text in fill_in(preset, form.texts, known).items():
                form.set_text(name, text)
        elif not is_in_force(preset, form.texts, known):
            form.set_text(PRESET, "")

    @work(group="judge", exclusive=True)
    async def _judge(self) -> None:
        """Judge what is filled in; a newer change takes the place of this look."""
        if self._gone:
            return
        draft, way, worker = self._draft(), self._way, self.worker
        if way is Way.DRIVE:
            # It needs nobody to be told what the command is.
            self._preview((command(way, draft.arguments),))
        if worker is None:
            return
        states = applicability(self.form.texts, self._device, worker.snapshot, self._fields)
        self.form.apply(states)
        try:
            verdict = await worker.judge(
                draft.arguments, way=way, fleece=self._fleece, target_io=self._target_io
            )
        except QmpError as error:
            self._verdict = None
            self._say(f"Cannot be judged: {error}", "refuses")
            return
        verdict = self._placed(draft.judged(verdict))
        if self._gone:
            return
        self._preview(verdict.commands)
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

    def _placed(self, verdict: Verdict) -> Verdict:
        """The verdict with the switch blamed for what is wrong with the way alone."""
        return at_the_switch(verdict) if self._way_field is not None else verdict

    def _preview(self, commands: tuple[Mapping[str, Json], ...]) -> None:
        self._commands = commands
        one_line = self.app.size.width < ROOMY
        self.query_one(CommandPreview).show_commands(commands, one_line=one_line)

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
        self.foot.start.disabled = blocker is not None or self.read_only
        if blocker is not None:
            self.foot.status(f"Not yet: {self._label(blocker)}", blocker.severity)
        elif self.read_only:
            self.foot.status("Read-only: nothing is started. F5 copies the command.", "risk")
        elif self._refusal is not None:
            self.foot.status("QEMU refused; change something and try again.", "refuses")
        else:
            self.foot.status("Ready. F2 starts the backup.", "ready")
        self._message()

    def _label(self, finding: Finding) -> str:
        """What to look at: the name of the field, or the whole of it."""
        if finding.override and finding.severity is not Severity.REFUSES:
            return "a box is to be ticked"
        labels = {field.name: field.label for field in self._shown_fields}
        return labels.get(finding.field or "", "see the message")

    def set_focus(
        self, widget: Widget | None, scroll_visible: bool = True, from_app_focus: bool = False
    ) -> None:
        """The form alone scrolls to what has the focus: with what is told of it."""
        # Textual's way there is relative to where the form will be by then, which ours changes.
        super().set_focus(widget, scroll_visible=False, from_app_focus=from_app_focus)

    def on_descendant_focus(self) -> None:
        """Another field has the focus: say in full what there is to say about it."""
        self.form.mark_focused()
        self._message()

    def _message(self) -> None:
        """What keeps the backup from starting, unless the focused field tells it: then its help."""
        row, blocker = self.form.focused_row, self._refusal or self._blocker()
        if blocker is not None and not (row is not None and row.tells(blocker.message)):
            self.foot.tell(blocker.message, blocker.severity)
        else:
            self.foot.tell(row.help if row is not None else "", "")

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

    def _say(self, text: str, kind: str) -> None:
        """Why nothing can be started, if anybody still looks."""
        if not self._gone:
            self.foot.start.disabled = self._verdict is None
            self.foot.status(text, kind)

    def _refused(self, words: str) -> None:
        """QEMU says no in spite of it all: at the field it concerns, with nothing lost."""
        self._refusal = refusal_in_words(words, self.form.texts.get("target", ""))
        self.form.show_findings(self._findings())
        self.foot.status("QEMU refused; change something and try again.", "refuses")
        self._message()
