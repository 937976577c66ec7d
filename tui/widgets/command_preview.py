"""The exact command as it grows, and what there is to know about it."""

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content

from tui.backup.arguments import Json
from tui.backup.preview import as_json, as_json_line
from tui.backup.verdict import Finding, Severity
from tui.text import plain
from tui.widgets.line import Line

_IN_TURN = "In this order; each blockdev-create is a job to wait for and to dismiss."


class CommandPreview(Vertical):
    """QMP JSON above, notes below."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._steps = 0

    def compose(self) -> ComposeResult:
        """Heading and text."""
        yield Line("Command", id="preview-title", classes="form-section")
        with VerticalScroll(id="preview-scroll", can_focus=False):
            yield Line(id="preview-text")
            yield Line(id="preview-notes")

    def show_commands(self, commands: Sequence[Mapping[str, Json]], *, one_line: bool) -> None:
        """Show what is sent; several commands, or where room is scarce, each on one line."""
        self._steps = len(commands)
        title = "Command" if self._steps == 1 else f"{self._steps} commands"
        self.query_one("#preview-title", Line).show(title)
        # Several are more than fits in a small terminal: the arrow keys must get there.
        self.query_one("#preview-scroll").can_focus = self._steps > 1
        several = self._steps > 1
        between = "\n\n" if several and not one_line else "\n"
        text = between.join(map(as_json_line if one_line or several else as_json, commands))
        shown = "\n".join(plain(line) for line in text.split("\n"))
        self.query_one("#preview-text", Line).show_resized(shown)

    def show_notes(self, findings: Sequence[Finding]) -> None:
        """Show what concerns no field, and what is only to be known."""
        lines = [Content(_IN_TURN)] if self._steps > 1 else []
        lines += [
            Content.assemble((f"{finding.severity}: ", "bold"), plain(finding.message))
            for finding in findings
            if finding.field is None or finding.severity in (Severity.NOTE, Severity.RISK)
        ]
        self.query_one("#preview-notes", Line).show_resized(Content("\n").join(lines))
