"""The form that builds a backup's arguments, with a message under each field that is wrong."""

from collections.abc import Mapping, Sequence
from itertools import takewhile

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.suggester import Suggester
from textual.widget import Widget

from tui.backup.fields import FormField
from tui.backup.formstate import Applicability
from tui.backup.verdict import Finding, Severity
from tui.widgets.form_row import FormRow
from tui.widgets.line import Line
from tui.widgets.tick import Tick


class BackupForm(VerticalScroll, can_focus=False):
    """Takes fields and texts, gives texts and ticks; judges nothing by itself.

    Args:
        fields: what can be filled in.
        texts: what is filled in already, by field.
        suggester: completes the target's path.
    """

    class Changed(Message):
        """A field or a tick was changed."""

        def __init__(self, field: str | None = None) -> None:
            super().__init__()
            self.field = field

    def __init__(
        self,
        fields: Sequence[FormField],
        texts: Mapping[str, str],
        suggester: Suggester | None = None,
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._fields = tuple(fields)
        self._initial = dict(texts)
        self._suggester = suggester
        self._rows: dict[str, FormRow] = {}
        self._ticks: list[Tick] = []

    def compose(self) -> ComposeResult:
        """Basic fields, ticks, advanced fields."""
        for field in self._fields:
            row = FormRow(
                field,
                self._initial.get(field.name, ""),
                self._suggester if field.kind == "path" else None,
            )
            self._rows[field.name] = row
        yield from (row for row in self._rows.values() if row.field.basic)
        yield Vertical(id="ticks")
        with Vertical(id="advanced"):
            yield Line("Advanced", classes="form-section")
            yield from (row for row in self._rows.values() if not row.field.basic)

    def on_mount(self) -> None:
        """The advanced part waits until it is asked for."""
        self.query_one("#advanced").display = False

    @property
    def is_complete(self) -> bool:
        """Whether every field has its control by now."""
        return all(row.is_complete for row in self._rows.values())

    @property
    def texts(self) -> dict[str, str]:
        """What is filled in, by field."""
        return {name: row.text for name, row in self._rows.items()}

    @property
    def ticked(self) -> frozenset[str]:
        """The rules whose loss was consented to."""
        return frozenset(tick.rule for tick in self._ticks if tick.ticked)

    @property
    def advanced(self) -> bool:
        """Whether the advanced fields are shown."""
        return self.query_one("#advanced").display

    @advanced.setter
    def advanced(self, shown: bool) -> None:
        self.query_one("#advanced").display = shown

    def has(self, name: str | None) -> bool:
        """Whether there is a field of that name."""
        return name in self._rows

    def set_text(self, name: str, text: str) -> None:
        """Fill a field in."""
        self._rows[name].set_text(text)

    def apply(self, states: Mapping[str, Applicability]) -> None:
        """Show, hide and disable fields, and offer the choices that apply."""
        for name, state in states.items():
            row = self._rows.get(name)
            if row is None:
                continue
            row.display = state.state != "hidden"
            row.enable(state.state == "enabled")
            row.offer(state.choices, state.reason)

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """Put the weightiest finding under each field, help under the others."""
        first: dict[str, Finding] = {}
        for finding in findings:
            name = finding.field if finding.field in self._rows else None
            if name is not None and finding.severity is not Severity.NOTE:
                first.setdefault(name, finding)
        for name, row in self._rows.items():
            told = first.get(name)
            row.tell(told.message if told else None, told.severity if told else "")

    async def ask_for_ticks(self, findings: Sequence[Finding]) -> None:
        """Have a box for each finding that needs consent; boxes that stay keep their tick."""
        wanted = {finding.rule: finding.message for finding in findings}
        area = self.query_one("#ticks")
        gone = [tick for tick in self._ticks if wanted.get(tick.rule) != tick.text]
        kept = [tick for tick in self._ticks if tick not in gone]
        there = {tick.rule for tick in kept}
        new = [Tick(rule, message) for rule, message in wanted.items() if rule not in there]
        self._ticks = [*kept, *new]
        for tick in gone:
            await tick.remove()
        await area.mount_all(new)
        area.display = bool(findings)

    @property
    def focused_row(self) -> FormRow | None:
        """The row with the focus in it."""
        focused = self.screen.focused
        around = focused.ancestors if focused is not None else ()
        return next((node for node in around if isinstance(node, FormRow)), None)

    def mark_focused(self) -> None:
        """Let the row with the focus stand out; `:focus-within` is not always told of it."""
        current = self.focused_row
        for row in self._rows.values():
            row.set_class(row is current, "-current")
        self.follow_focus()

    def on_resize(self) -> None:
        """There is less or more room now for what has the focus."""
        self.follow_focus()

    def follow_focus(self) -> None:
        """Bring what has the focus into view once all has its place, with what is told of it."""
        self.call_after_refresh(self._scroll_to_focus)

    def _scroll_to_focus(self) -> None:
        focused = self.screen.focused if self.is_attached else None
        if focused is None or self not in focused.ancestors:
            return
        shown = self.focused_row or focused
        around = takewhile(lambda node: node is not self, shown.ancestors_with_self)
        first = sum(node.virtual_region.y for node in around if isinstance(node, Widget))
        last = first + shown.outer_size.height
        # The control is in the first line: where not all has room, that is what is seen.
        lowest = min(first, last - self.scrollable_content_region.height)
        place = min(first, max(lowest, self.scroll_offset.y))
        self.scroll_to(y=place, animate=False, immediate=True)

    def go_to(self, name: str | None) -> None:
        """Put the focus where something is wrong, unfolding what hides it."""
        row = self._rows.get(name or "")
        if row is None:
            return
        if not row.field.basic:
            self.advanced = True
        row.focus_control()

    def go_to_advanced(self) -> None:
        """Put the focus on the first of the rarer arguments, and them in view."""
        rows = self._rows.values()
        first = next((row for row in rows if row.display and not row.field.basic), None)
        if first is not None:
            # On a small terminal they are below all that is seen.
            first.focus_control()

    def go_to_tick(self, rule: str) -> None:
        """Put the focus on the box of a rule."""
        for tick in self._ticks:
            if tick.rule == rule:
                tick.focus()

    @on(FormRow.Resized)
    def _row_resized(self, event: FormRow.Resized) -> None:
        event.stop()
        self.follow_focus()

    @on(FormRow.Changed)
    def _row_changed(self, event: FormRow.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.name))

    @on(Tick.Changed)
    def _tick_changed(self, event: Tick.Changed) -> None:
        event.stop()
        self.post_message(self.Changed())
