"""Verify a chain, or images without a manifest: a page that says what is found."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from tui.chain.directory import Kept
from tui.chain.disks import records_since_last
from tui.images.against_source import Likeness, compare_with_source
from tui.images.errors import ImageError
from tui.images.report import as_lines, verdict
from tui.images.verify import compare_with, verify
from tui.images.verify_stack import as_lines as stack_lines
from tui.images.verify_stack import verify_stack
from tui.keymap import remappable
from tui.screens.choice_menu import ChoiceMenu
from tui.screens.image_act import ImageActScreen
from tui.screens.path_prompt import PathPrompt
from tui.widgets.line import Line
from tui.worker import VmWorker

_KINDS = {
    Likeness.IDENTICAL: "ready",
    Likeness.UNWRITTEN: "ready",
    Likeness.DIFFERENT: "bad",
    Likeness.GONE_ON: "warning",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a verification: its lines, and in a sentence whether all is well.

    `kind` is as `ImageActScreen.say` has it.
    """

    lines: tuple[str, ...]
    verdict: str
    kind: str


class VerifyPage(ImageActScreen):
    """Begins at once; Escape stops it."""

    ACT = "verification"
    BINDING_GROUP_TITLE = "Verify"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "again", "Again", tooltip="Verify once more"),
        Binding(
            "f4",
            "compare",
            "Compare",
            tooltip="Compare the point with the VM's disk or another image of its moment",
        ),
        Binding("c", "copy", "Copy", tooltip="Copy what was found (OSC 52)"),
    ]
    BINDINGS = remappable("verify", BINDINGS)

    def __init__(self, title: str, where: Path) -> None:
        super().__init__(title)
        self._where = where
        self._lines: list[str] = []

    def compose_body(self) -> Iterable[Widget]:
        """What was found."""
        with VerticalScroll(id="verify-found", can_focus=True):
            yield Line(id="verify-text")

    def on_mount(self) -> None:
        """Begin."""
        self.query("#verify-found").focus()
        self.action_again()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is not of one moment cannot be compared."""
        if action == "compare" and not self.comparable:
            return False
        return super().check_action(action, parameters)

    def hindrance(self, action: str) -> str | None:
        """One at a time."""
        if action in ("again", "compare"):
            return self.runs_now
        if action == "copy" and not self._lines:
            return "nothing was found yet"
        return super().hindrance(action)

    @property
    def comparable(self) -> bool:
        """Whether there is a moment that something else can hold, too."""
        return False

    @work(group="act", exclusive=True)
    async def action_again(self) -> None:
        """Verify from the beginning."""
        self.begins()
        try:
            found = await self.verify()
        except ImageError as error:
            self.complain(error)
            return
        finally:
            self.ended()
        self._lines = list(found.lines)
        self.show_text()
        self.say(found.verdict, found.kind)

    async def verify(self) -> Verdict:
        """Verify it.

        Raises:
            ImageError: it cannot be done.
        """
        raise NotImplementedError

    def found(self, line: str, kind: str) -> None:
        """Something more was found."""
        self._lines.append(line)
        self.show_text()
        self.say(line, kind)

    def show_text(self) -> None:
        """Show what was found; its first line is said by the title and the status."""
        shown = [line.removeprefix("  ") for line in self._lines[1:]]
        self.show_lines("#verify-text", shown or [str(self._where)])

    def action_copy(self) -> None:
        """Copy what was found."""
        self.copy("\n".join(self._lines), "What was found was")


class VerifyStackScreen(VerifyPage):
    """Of images that no manifest tells of.

    Args:
        top: the uppermost of them.
    """

    def __init__(self, top: Path) -> None:
        super().__init__(f"Verify {top.name}, without a manifest", top)

    async def verify(self) -> Verdict:
        """As `verify_stack`."""
        found = await verify_stack(self._where, self.show_progress)
        words, kind = "NOT WHOLE: it cannot be restored as it was.", "bad"
        if found.ok:
            words = "WHOLE: it can be restored, as far as can be told without checksums."
            kind = "ready"
        return Verdict(tuple(stack_lines(found)), words, kind)


class VerifyScreen(VerifyPage):
    """Of a chain.

    Args:
        kept: the chain.
        serial: a point, to verify only what it stands on; None is all of the chain.
    """

    def __init__(self, kept: Kept, serial: int | None = None) -> None:
        upto = f", up to point {serial}" if serial is not None else ""
        super().__init__(f"Verify chain {kept.chain.id} of {kept.chain.vm}{upto}", kept.path)
        self._kept = kept
        self._serial = serial

    @property
    def comparable(self) -> bool:
        """A point is one moment."""
        return self._serial is not None

    async def verify(self) -> Verdict:
        """As `verify`."""
        found = await verify(self._kept, self._serial, self.show_progress)
        lost, all_of_them = len(found.lost), len(found.lost) + len(found.sound)
        words, kind = f"{lost} of {all_of_them} points are lost.", "bad"
        if found.ok and found.sound:
            words, kind = "every point can be restored as it was.", "ready"
        elif found.ok:
            words, kind = "nothing can be restored yet.", "warning"
        lines = tuple(as_lines(found, self._kept.chain.vm))
        return Verdict(lines, f"{verdict(found)}: {words}", kind)

    @work(group="act", exclusive=True)
    async def action_compare(self) -> None:
        """Ask for what holds the same moment, and compare."""
        compare = await self._chosen_copy()
        disk = await self._which_disk() if compare is not None else None
        if compare is None or disk is None:
            return
        self.begins()
        try:
            await compare(disk)
        except ImageError as error:
            self.complain(error)
        finally:
            self.ended()

    async def _chosen_copy(self) -> Callable[[str], Awaitable[None]] | None:
        """What compares a disk: with the VM's own, where a VM is open that has it, or an image."""
        chain = self._kept.chain
        of_last = chain.last is not None and chain.last.serial == self._serial
        workers = self.deck.fleet.workers if of_last else ()
        owners = [w for w in workers if records_since_last(w.snapshot, chain)]
        if owners:
            names = [f"The VM's own disk: {w.snapshot.name or w.address}" for w in owners]
            choices = [(name, place) for place, name in enumerate([*names, "An image file"])]
            chosen = await self.app.push_screen_wait(ChoiceMenu("Compare with what?", choices))
            if chosen is None:
                return None
            if chosen < len(owners):
                return partial(self._compare_with_source, owners[chosen])
        path = await self._which_image()
        return partial(self._compare, path) if path is not None else None

    async def _which_image(self) -> Path | None:
        words = (
            f"An image that holds point {self._serial}, as another copy of it or an earlier "
            "restore. A disk that a VM runs on has gone on since, and is refused."
        )
        start = f"{self._kept.directory.parent}/".replace("//", "/")
        asked = PathPrompt(title="Compare with an image", text=words, start=start, file=True)
        return await self.app.push_screen_wait(asked)

    async def _which_disk(self) -> str | None:
        names = [(disk.name, disk.name) for disk in self._kept.chain.disks]
        if len(names) == 1:
            return names[0][1]
        return await self.app.push_screen_wait(ChoiceMenu("Which disk is compared?", names))

    async def _compare(self, path: Path, disk: str) -> None:
        assert self._serial is not None
        done = await compare_with(self._kept, self._serial, disk, path, self.show_progress)
        word = "IDENTICAL" if done.identical else "DIFFERENT"
        line = f"{word}: {disk} at point {self._serial} and {path}: {done.words}"
        self.found(line, "ready" if done.identical else "bad")

    async def _compare_with_source(self, worker: VmWorker, disk: str) -> None:
        served = worker.serving.disk(self._kept.chain, disk)
        done = await compare_with_source(self._kept, disk, served, self.show_progress)
        self.found(done.sentence, _KINDS[done.likeness])
