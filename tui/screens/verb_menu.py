"""Everything that can be done to a job, and why the rest cannot."""

from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.paths import sheets
from tui.screens.dialog import Dialog
from tui.vm.job import Job
from tui.vm.verbs import Verb
from tui.widgets.job_rows import job_named
from tui.widgets.key_bar import BarKey, KeyBar
from tui.widgets.line import Line

VERB_WORDS: Mapping[Verb, tuple[str, str]] = {
    Verb.PAUSE: ("Pause", "the copy halts; guest writes wait as before"),
    Verb.RESUME: ("Resume", "the copy goes on"),
    Verb.SET_SPEED: ("Set speed", "the most bytes a second it copies"),
    Verb.CANCEL: ("Cancel", "for good: what was copied is of no use"),
    Verb.SOFT_CANCEL: ("End mirror", "stop mirroring; the copy is as of that moment"),
    Verb.COMPLETE: ("Complete", "the guest goes over to the copy"),
    Verb.FINALIZE: ("Finalize", "let the job end and its target be final"),
    Verb.DISMISS: ("Dismiss", "QEMU forgets the job and its outcome"),
    Verb.CHANGE: ("Write-blocking", "guest writes wait until the mirror has them, too"),
}


class VerbMenu(Dialog[Verb | None]):
    """Gives the verb that was chosen, or None.

    Args:
        job: the job it is about.
        hindrances: why a verb cannot be used; None where it can.
        vm: what tells its VM from others.
    """

    CSS_PATH = sheets("dialogs", "acts")

    BINDING_GROUP_TITLE = "What to do"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "Back")]

    def __init__(self, job: Job, hindrances: Mapping[Verb, str | None], vm: str = "") -> None:
        super().__init__()
        self._vm = vm
        self._job = job
        self._hindrances = hindrances

    def compose(self) -> ComposeResult:
        """One line a verb."""
        with Vertical(classes="dialog acts"):
            title = f"{job_named(self._job, self._vm, 50)} ({self._job.state})"
            yield Line(title, classes="dialog-title")
            yield OptionList(*(self._option(verb) for verb in VERB_WORDS), id="verbs")
            yield KeyBar(BarKey("enter", "Enter", "Do it", "select"))

    def _option(self, verb: Verb) -> Option:
        name, words = VERB_WORDS[verb]
        why = self._hindrances[verb]
        if why is None:
            text = Content.assemble((f"{name:<15}", "bold"), words)
        else:
            text = Content.assemble((f"{name:<15}", "$muted"), (f"no: {why}", "$muted"))
        return Option(text, id=verb.value, disabled=why is not None)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(Verb(event.option.id or ""))
