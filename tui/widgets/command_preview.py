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


class CommandPreview(Vertical):
    """QMP JSON above, notes below."""

    def compose(self) -> ComposeResult:
        """Heading and text."""
        yield Line("Command", classes="form-section")
        with VerticalScroll(id="preview-scroll", can_focus=False):
            yield Line(id="preview-text")
            yield Line(id="preview-notes")

    def show_command(self, command: Mapping[str, Json], *, one_line: bool) -> None:
        """Show the command, on one line where room is scarce."""
        text = as_json_line(command) if one_line else as_json(command)
        shown = "\n".join(plain(line) for line in text.split("\n"))
        self.query_one("#preview-text", Line).show_resized(shown)

    def show_notes(self, findings: Sequence[Finding]) -> None:
        """Show what concerns no field, and what is only to be known."""
        lines = [
            Content.assemble((f"{finding.severity}: ", "bold"), plain(finding.message))
            for finding in findings
            if finding.field is None or finding.severity in (Severity.NOTE, Severity.RISK)
        ]
        self.query_one("#preview-notes", Line).show_resized(Content("\n").join(lines))
