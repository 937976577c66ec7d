"""What a screen about jobs lets one do to the job that is highlighted."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.binding import Binding, BindingType

from tui.keymap import remappable
from tui.qmp.errors import QmpError
from tui.screens.confirm import Confirm
from tui.screens.job_care import NO_JOB, JobCareActs
from tui.screens.speed import SpeedScreen
from tui.screens.verb_menu import VERB_WORDS, VerbMenu
from tui.text import plain
from tui.units import rate
from tui.vm.job import Job
from tui.vm.remedies import with_advice
from tui.vm.verbs import Act, Verb, hindrance
from tui.widgets.job_rows import job_named

if TYPE_CHECKING:
    from tui.worker import VmWorker

_DONE: Mapping[Verb, str] = {
    Verb.PAUSE: "pauses",
    Verb.RESUME: "goes on",
    Verb.COMPLETE: "completes",
    Verb.FINALIZE: "is finalized",
    Verb.DISMISS: "is dismissed",
    Verb.SOFT_CANCEL: "ends",
    Verb.CHANGE: "blocks writes until it has them",
}


class JobActs(JobCareActs):
    """A screen with keys for the highlighted job."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "Pause", tooltip="Halt the highlighted job, or let it go on"),
        Binding("s", "speed", "Speed", tooltip="Change the speed limit of the highlighted job"),
        Binding("c", "cancel", "Cancel", tooltip="Stop the highlighted job, after asking"),
        Binding("a", "verbs", "Acts", tooltip="All that can be done to the highlighted job"),
        *JobCareActs.BINDINGS,
    ]
    BINDINGS = remappable("jobs", BINDINGS)
    _DIMMED: ClassVar[frozenset[str]] = frozenset({"pause", "speed", "cancel"})

    def _hindrance(self, verb: Verb, job: Job) -> str | None:
        if self.looks_only:
            return "BlockDeck is read-only"
        worker = self.job_worker
        if worker is None or not worker.snapshot.loaded:
            return "not connected"
        if worker.schema is None:
            # It comes last. Whoever sends the command waits for it.
            return hindrance(verb, job, lambda _: True)
        return hindrance(verb, job, worker.schema.has_command)

    def _verb_of(self, action: str, job: Job) -> Verb | None:
        match action:
            case "pause":
                return Verb.RESUME if job.paused else Verb.PAUSE
            case "speed":
                return Verb.SET_SPEED
            case "cancel":
                return Verb.CANCEL
            case _:
                return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what the state of the job forbids."""
        if action not in self._DIMMED:
            return super().check_action(action, parameters)
        job = self.highlighted
        verb = self._verb_of(action, job) if job is not None else None
        allowed = job is not None and verb is not None and self._hindrance(verb, job) is None
        return True if allowed else None

    def on_key(self, event: events.Key) -> None:
        """A dimmed key says why it is."""
        action, job = self.act_of(event.key), self.highlighted
        if action in self._DIMMED and job is None:
            event.stop()
            self.notify(NO_JOB, severity="warning")
            return
        verb = self._verb_of(action, job) if action is not None and job is not None else None
        if job is None or verb is None:
            return
        why = self._hindrance(verb, job)
        if why is not None:
            event.stop()
            words = f"{VERB_WORDS[verb][0]} {job_named(job, self.vm_of_job)}: {why}"
            self.notify(words, severity="warning", markup=False)

    # --- acts ------------------------------------------------------------------------------------

    @work(group="command")
    async def action_pause(self) -> None:
        """Pause, or resume what is paused."""
        job, worker = self.highlighted, self.job_worker
        if job is not None:
            await self._do(worker, job, Act(Verb.RESUME if job.paused else Verb.PAUSE))

    @work(group="command")
    async def action_speed(self) -> None:
        """Ask for a limit, then set it."""
        job, worker = self.highlighted, self.job_worker
        if job is not None:
            await self._change_speed(worker, job)

    async def _change_speed(self, worker: "VmWorker | None", job: Job) -> None:
        presets, vm = self.deck.settings.backup.presets, self.deck.fleet.name_among(worker)
        speed = await self.app.push_screen_wait(SpeedScreen(job, presets, vm))
        if speed is not None:
            await self._do(worker, job, Act(Verb.SET_SPEED, speed=speed))

    @work(group="command")
    async def action_cancel(self) -> None:
        """Ask, then cancel."""
        job, worker = self.highlighted, self.job_worker
        if job is not None:
            await self._ask_and_do(worker, job, Verb.CANCEL)

    @work(group="command")
    async def action_verbs(self) -> None:
        """Offer everything that can be done."""
        job, worker = self.highlighted, self.job_worker
        if job is None:
            self.notify(NO_JOB, severity="warning")
            return
        hindrances = {verb: self._hindrance(verb, job) for verb in Verb}
        verb = await self.app.push_screen_wait(VerbMenu(job, hindrances, self.vm_of_job))
        if verb is Verb.SET_SPEED:
            await self._change_speed(worker, job)
        elif verb is not None:
            await self._ask_and_do(worker, job, verb)

    async def _ask_and_do(self, worker: "VmWorker | None", job: Job, verb: Verb) -> None:
        question = _question(job, verb, self.deck.fleet.name_among(worker))
        if question is None or await self.app.push_screen_wait(question):
            await self._do(worker, job, Act(verb))

    async def _do(self, worker: "VmWorker | None", job: Job, act: Act) -> None:
        if worker is None:
            return
        name = job_named(job, self.deck.fleet.name_among(worker))
        try:
            await worker.act(job.id, act)
        except QmpError as error:
            words = f"{name}: {VERB_WORDS[act.verb][0].lower()} failed: {plain(with_advice(error))}"
            self.notify(words, severity="error", markup=False)
            return
        if act.verb is Verb.SET_SPEED:
            limit = rate(act.speed) if act.speed else "no limit"
            self.notify(f"{name}: {limit}", markup=False)
        elif act.verb in _DONE:
            self.notify(f"{name} {_DONE[act.verb]}", markup=False)


def _question(job: Job, verb: Verb, vm: str) -> Confirm | None:
    """What is asked before something may be lost; None where nothing can be.

    Args:
        job: what it is done to.
        verb: what is done.
        vm: what tells the job's VM from others.
    """
    match verb:
        case Verb.CANCEL:
            return _cancel_question(job, vm)
        case Verb.COMPLETE:
            words = "The guest's disk becomes the copy; the old image is used no more."
        case Verb.DISMISS:
            words = "QEMU forgets how it ended. Another client may still want to know."
        case Verb.FINALIZE:
            words = "It can be cancelled no more, and a group that waits for it ends with it."
            if job.ours:
                return None
        case Verb.SOFT_CANCEL:
            words = "The mirror ends; its copy stays as it is now, and the guest on its old disk."
        case _:
            return None
    owner = "" if job.ours else " Another client started it, and may count on it."
    name = VERB_WORDS[verb][0]
    title = f"{name} {job_named(job, vm)}?"
    return Confirm(title=title, text=f"{words}{owner}", yes=name, no="Leave it")


def _cancel_question(job: Job, vm: str) -> Confirm:
    where = plain(job.target, 300) if job.target else "its target"
    lost = f"{where} stays behind, incomplete and useless as a backup."
    if job.type != "backup":
        lost = f"This is a {job.type} job: what it did so far may be lost."
    owner = "" if job.ours else " Another client started it, and may count on it."
    return Confirm(
        title=f"Cancel {job_named(job, vm)}?",
        text=f"{lost}{owner}",
        yes="Cancel the job",
        no="Let it run",
    )
