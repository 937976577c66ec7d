"""What can be done about a guest that a backup has stopped."""

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.paths import sheets
from tui.qmp.errors import QmpError
from tui.screens.dialog import Dialog
from tui.text import plain
from tui.units import size
from tui.vm.job import Job
from tui.vm.remedies import with_advice
from tui.vm.snapshot import VmSnapshot
from tui.vm.trouble import Trouble, describe, fate_of_ended
from tui.widgets.key_bar import BarKey, KeyBar
from tui.widgets.line import Line

if TYPE_CHECKING:
    from tui.worker import VmWorker

_LEAVE, _CANCEL, _GO_ON = "leave", "cancel", "go-on"


class RescueScreen(Dialog[None]):
    """Offers the ways out, none of them first, carries one out, and says what came of it.

    Args:
        worker: of the VM.
        trouble: what stops the guest.
        of_vm: of which VM it is, in words, where that has to be told.
    """

    CSS_PATH = sheets("dialogs", "rescue")

    BINDING_GROUP_TITLE = "Rescue"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "Back")]

    def __init__(self, worker: "VmWorker", trouble: Trouble, of_vm: str = "") -> None:
        super().__init__()
        self._of_vm = of_vm
        self._worker = worker
        self._trouble = trouble
        self._steps: list[Content] = []

    def compose(self) -> ComposeResult:
        """What happened, the ways out, and the steps as they are made."""
        with Vertical(classes="dialog acts", id="rescue"):
            yield Line(
                f"The guest{self._of_vm} is stopped", classes="dialog-title", id="rescue-title"
            )
            yield Line(plain(describe(self._trouble), 400), classes="dialog-text", id="rescue-why")
            yield OptionList(*self._options(), id="rescue-ways")
            # Until there are some their room is for the ways, on a small terminal too.
            steps = Line(" ", id="rescue-steps")
            steps.display = False
            yield steps
            yield KeyBar(BarKey("enter", "Enter", "Do it", "select"), id="rescue-keys")

    def on_mount(self) -> None:
        """Room is made while one looks."""
        self.set_interval(1.0, self._tell_room)

    def _tell_room(self) -> None:
        ways = self.query_one(OptionList)
        if ways.display:
            ways.replace_option_prompt(_GO_ON, self._go_on_words())

    def _options(self) -> list[Option]:
        ways = [Option(_words("Leave it as it is", "The guest stays stopped."), id=_LEAVE)]
        if self._trouble.by_backup:
            jobs = ", ".join(plain(job.id, 40) for job in self._trouble.jobs)
            others = [job for job in self._trouble.jobs if not job.ours]
            owner = " Another client started it." if others else ""
            words = f"{jobs} is lost, its target useless.{owner} Nothing of the guest is lost."
            title = "Cancel the backup, then let the guest go on"
            ways.append(Option(_words(title, words), id=_CANCEL))
        ways.append(Option(self._go_on_words(), id=_GO_ON))
        return ways

    def _go_on_words(self) -> Content:
        fate = fate_of_ended(self._trouble)
        if self._trouble.by_backup:
            return _words("Let both go on", f"{self._room()}; else it stops again at once.")
        if fate is not None:
            words = f"The backup that stopped it {fate}: nothing needs to be mended."
        else:
            words = "If its disk has no room, or is broken, it stops again at once."
        return _words("Let the guest go on", words)

    def _room(self) -> str:
        """When a backup and its guest can go on together: the room for it as it is now."""
        if not self._trouble.no_space:
            return "Only after what failed was mended"
        vm = self._worker.snapshot
        spaces = {s.device: s for j in self._trouble.jobs if (s := _job(vm, j).care.space)}
        told = [f"{size(space.free)} of {size(space.total)} are free" for space in spaces.values()]
        return f"Only after room was made: {', '.join(told) or 'how much is free is not seen'}"

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        if event.option.id == _LEAVE:
            self.dismiss(None)
            return
        # The steps take its place.
        self.query_one(OptionList).display = False
        self._steps = []
        self._carry_out(event.option.id == _CANCEL)

    @work(group="rescue", exclusive=True)
    async def _carry_out(self, cancel: bool) -> None:
        act = self._worker.rescue if cancel else self._worker.go_on
        try:
            await act(self._trouble, self._tell)
        except QmpError as error:
            self._steps = []
            self._say(plain(f"NOT DONE: {with_advice(error)}", 600), "bold $text-error")
            self.query_one("#rescue-why").display = False
            self.query_one(OptionList).display = True
            self.query_one(OptionList).focus()
        else:
            self._say("Done. Esc closes this.", "bold $text-success")
            self._tell_that_it_runs()

    def _tell_that_it_runs(self) -> None:
        """What was said of a stopped guest is no longer so."""
        if self.is_mounted:
            self.query_one("#rescue-title", Line).show(f"The guest{self._of_vm} runs again")
            self.query_one("#rescue-why").display = False
            self.query_one("#rescue-keys").display = False

    def _tell(self, step: str) -> None:
        self._say(plain(step, 200), "")

    def _say(self, words: str, style: str) -> None:
        self._steps.append(Content.styled(words, style))
        if self.is_mounted:
            steps = self.query_one("#rescue-steps", Line)
            steps.display = True
            steps.show_resized(Content("\n").join(self._steps))


def _words(title: str, words: str) -> Content:
    return Content.assemble((title, "bold"), f"\n{words}")


def _job(vm: VmSnapshot, job: Job) -> Job:
    """The job as it is now."""
    return next((one for one in vm.jobs if one.key == job.key), job)
