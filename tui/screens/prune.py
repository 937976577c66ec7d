"""Prune a directory of chains: rules, what goes by them, and the prune as it goes."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input

from tui.chain.directory import chains_in
from tui.images.errors import ImageError, from_os
from tui.images.prune import prune
from tui.images.prune_plan import ChainPrune, plan_prune
from tui.images.prune_words import GOES, HEADINGS, as_lines, dropped_words, summary
from tui.images.retention import Rules
from tui.keymap import remappable
from tui.screens.confirm import Confirm
from tui.screens.image_plan import ImagePlanScreen
from tui.text import plain
from tui.units import size
from tui.widgets.line import Line
from tui.widgets.plain_input import PlainInput

_COUNTS = (("last", "Keep last", "7"), ("daily", "daily", "7"), ("weekly", "weekly", "4"))
_LAST_COUNT = ("monthly", "monthly", "0")


class PruneScreen(ImagePlanScreen):
    """Shows what goes while the rules are typed; F2 asks, and prunes.

    Args:
        directory: where the chains are; the rules hold over all points of the same disks there.
    """

    ACT = "prune"
    BINDING_GROUP_TITLE = "Prune"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "start", "Prune", tooltip="Delete the points that no rule keeps"),
        Binding("f5", "copy", "Copy", tooltip="Copy what would go (OSC 52)"),
    ]
    BINDINGS = remappable("prune", BINDINGS)

    def __init__(self, directory: Path) -> None:
        super().__init__(f"Prune {directory}")
        self._directory = directory
        self._plans: tuple[ChainPrune, ...] = ()
        self._lines: list[str] = []

    def compose_body(self) -> Iterable[Widget]:
        """The rules, and what becomes of each point by them."""
        with Horizontal(classes="image-field", id="prune-rules"):
            for name, words, count in (*_COUNTS, _LAST_COUNT):
                yield Line(words, classes="form-label")
                yield PlainInput(count, max_length=6, id=f"keep-{name}")
        with VerticalScroll(id="prune-preview", can_focus=True):
            yield Line(id="prune-text")

    def on_mount(self) -> None:
        """Start on the first rule."""
        self.query("#keep-last").focus()
        self.look()

    @property
    def _rules(self) -> Rules | None:
        """What is typed, if it can be read."""
        counts = {}
        for name, *_ in (*_COUNTS, _LAST_COUNT):
            text = self.query_one(f"#keep-{name}", Input).value.strip() or "0"
            if not (text.isascii() and text.isdigit() and int(text) <= 100_000):
                return None
            counts[name] = int(text)
        return Rules(**counts)

    def forget_plan(self) -> None:
        """What was planned is of other rules."""
        self._plans = ()

    async def plan(self) -> None:
        """Plan by the rules that are typed.

        Raises:
            ImageError: it cannot be done.
        """
        rules = self._rules
        if rules is None or rules.empty:
            with_numbers = "with numbers how many" if rules is None else "what"
            raise ImageError(f"Say {with_numbers} to keep")
        self._plans = plans = await self._planned(rules)
        self._lines = [line for plan in plans for line in as_lines(plan)]
        self.show_text()
        hindered = (plan.hindrance for plan in plans if plan.hindrance)
        self.not_ready = next(hindered, "nothing goes by these rules")
        ready = "F2 prunes, after a question." if self._work else ""
        self.say(f"{summary(plans)} {ready}", "ready" if self._work else "")

    def show_text(self) -> None:
        """Show what becomes of each point."""
        self.show_lines("#prune-text", self._lines, _look)

    async def _planned(self, rules: Rules) -> tuple[ChainPrune, ...]:
        try:
            chains, bad = await asyncio.to_thread(chains_in, self._directory)
        except OSError as error:
            raise from_os(error, self._directory) from error
        if bad:
            advice = "Nothing is pruned beside a manifest that cannot be read."
            raise ImageError(plain(str(bad[0]), 300), advice)
        if not chains:
            raise ImageError("there is no chain")
        return await plan_prune(chains, rules)

    @property
    def _work(self) -> list[ChainPrune]:
        return [plan for plan in self._plans if not plan.idle and not plan.hindrance]

    @property
    def ready(self) -> bool:
        """Whether anything would go."""
        return bool(self._work)

    @property
    def to_copy(self) -> str:
        """The preview."""
        return "\n".join(self._lines)

    @work(group="act", exclusive=True)
    async def action_start(self) -> None:
        """Ask, then prune one chain after the other."""
        plans = self._work
        if not plans or self.running:
            return
        if not await self.app.push_screen_wait(_question(plans)):
            return
        self.begins()
        done: list[str] = []
        try:
            for plan in plans:
                gone = await prune(plan, self.show_progress)
                done.append(f"chain {plan.kept.chain.id}: {len(gone)} files deleted")
        except ImageError as error:
            before = "".join(f"{words}. " for words in done)
            self.complain(error, f"{before}NOT PRUNED: ")
            return
        finally:
            self.ended()
            self.forget_plan()
        await self.look_now()
        self.say(f"PRUNED: {'; '.join(done)}.", "ready")

    def action_copy(self) -> None:
        """Copy the preview."""
        self.copy(self.to_copy, "What would go was")


def _look(line: str) -> str:
    if line == HEADINGS:
        return "bold $muted"
    if line.endswith(GOES):
        return "$text-warning"
    return "" if line.startswith(" ") else "bold"


def _question(plans: list[ChainPrune]) -> Confirm:
    going = "; ".join(
        f"{dropped_words(plan)} of chain {plan.kept.chain.id}"
        + (", the whole of it" if plan.whole else "")
        for plan in plans[:4]
    )
    more = f"; and of {len(plans) - 4} more chains" if len(plans) > 4 else ""
    freed = size(sum(plan.freed for plan in plans))
    return Confirm(
        title="Delete these points?",
        text=plain(
            f"Lost for good: {going}{more}. {freed} of files go, after what the other points need "
            "of them was merged into new images and compared.",
            600,
        ),
        yes="Delete them",
        no="Keep them",
    )
