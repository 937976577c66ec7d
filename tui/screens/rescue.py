"""What can be done about a guest that a backup has stopped."""

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.qmp.errors import QmpError
from tui.text import plain
from tui.vm.trouble import Trouble, describe
from tui.widgets.line import Line

if TYPE_CHECKING:
    from tui.worker import VmWorker

_CANCEL, _GO_ON = "cancel", "go-on"


class RescueScreen(ModalScreen[None]):
    """Offers the two ways out, carries one out, and says what came of it.

    Args:
        worker: of the VM.
        trouble: what stops the guest.
        of_vm: of which VM it is, in words, where that has to be told.
    """

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
            yield Line(f"The guest{self._of_vm} is stopped", classes="dialog-title")
            yield Line(plain(describe(self._trouble), 400), classes="dialog-text")
            yield OptionList(*self._options(), id="rescue-ways")
            yield Line(" ", id="rescue-steps")
            yield Line("Enter does it, Esc goes back.", classes="dialog-hint")

    def _options(self) -> list[Option]:
        ways = []
        if self._trouble.by_backup:
            jobs = ", ".join(plain(job.id, 40) for job in self._trouble.jobs)
            others = [job for job in self._trouble.jobs if not job.ours]
            owner = " Another client started it." if others else ""
            words = f"{jobs} is lost, its target useless.{owner} Nothing of the guest is lost."
            ways.append(_way(_CANCEL, "Cancel the backup, then let the guest go on", words))
        room = "Only after space was made, or what failed was mended; else it stops again at once."
        both = "Let both go on" if self._trouble.by_backup else "Let the guest go on"
        ways.append(_way(_GO_ON, both, room))
        return ways

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
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
            self._say(plain(f"NOT DONE: {error}", 400), "bold $text-error")
            self.query_one(OptionList).display = True
            self.query_one(OptionList).focus()
        else:
            self._say("Done. Esc closes this.", "bold $text-success")

    def _tell(self, step: str) -> None:
        self._say(plain(step, 200), "")

    def _say(self, words: str, style: str) -> None:
        self._steps.append(Content.styled(words, style))
        if self.is_mounted:
            self.query_one("#rescue-steps", Line).show_resized(Content("\n").join(self._steps))


def _way(name: str, title: str, words: str) -> Option:
    return Option(Content.assemble((title, "bold"), f"\n{words}"), id=name)
