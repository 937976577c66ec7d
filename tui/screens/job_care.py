"""Keys for what is done for a job while it runs."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from tui.keymap import remappable
from tui.qmp.errors import QmpError
from tui.screens.easy import EasyScreen
from tui.screens.vm_screen import VmScreen
from tui.text import plain
from tui.vm.care import Wishes
from tui.vm.job import Job
from tui.vm.remedies import with_advice
from tui.vm.snapshot import Device
from tui.widgets.job_rows import job_named

if TYPE_CHECKING:
    from tui.worker import VmWorker

NO_JOB = "There is no job that it could be done to."
"""What a key says where no job is highlighted."""


class JobCareActs(VmScreen):
    """A screen with keys for the care of the highlighted job."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f",
            "guard",
            "Guard",
            show=False,
            tooltip="Cancel the job before its target is full, or leave it",
        ),
        Binding(
            "e",
            "easy",
            "Easy",
            show=False,
            tooltip="Slow the job down while the guest's writes take long",
        ),
    ]
    BINDINGS = remappable("jobs", BINDINGS)

    @property
    def highlighted(self) -> Job | None:
        """The job that the keys are about."""
        raise NotImplementedError

    @property
    def job_worker(self) -> "VmWorker | None":
        """The worker of the VM that the job is of."""
        return self.worker

    @property
    def vm_of_job(self) -> str:
        """What tells the job's VM from the others that are open; empty where there are none."""
        return self.deck.fleet.name_among(self.job_worker)

    @property
    def looks_only(self) -> bool:
        """Whether nothing can be done to the job's VM but to look at it."""
        return self.job_worker is not None and self.job_worker.snapshot.read_only

    @property
    def disk(self) -> Device | None:
        """The disk that the job works on."""
        job = self.highlighted
        key = job.device_key if job is not None else None
        worker = self.job_worker
        return worker.snapshot.device(key) if worker is not None and key else None

    def _why_not(self, job: Job) -> str | None:
        """Why nothing can be done for a job; None where it can."""
        if self.looks_only:
            return "BlockDeck is read-only"
        if not job.live:
            return "it has ended"
        return None if job.type == "backup" else f"it is a {job.type} job, no backup"

    def _carable(self, wish: str) -> Job | None:
        job = self.highlighted
        if job is None:
            self.notify(NO_JOB, severity="warning")
            return None
        why = self._why_not(job)
        if why is not None:
            words = f"{wish} {job_named(job, self.vm_of_job)}: {why}"
            self.notify(words, severity="warning", markup=False)
        return job if why is None else None

    def action_guard(self) -> None:
        """Cancel the job before its target is full; or do that no more."""
        job = self._carable("Guard")
        if job is None:
            return
        wishes = job.care.wishes
        guard = not wishes.cancel_before_full
        if guard and job.care.space is None:
            why = "the file system of its target is not seen from here"
            words = f"Guard {job_named(job, self.vm_of_job)}: {why}"
            self.notify(words, severity="warning", markup=False)
            return
        done = "is cancelled before its target is full" if guard else "is left alone"
        self._wish(self.job_worker, job, replace(wishes, cancel_before_full=guard), done)

    @work(group="command")
    async def action_easy(self) -> None:
        """Ask how long writes may take, then keep the job that slow."""
        job, worker = self._carable("Easy on the guest with"), self.job_worker
        if job is None:
            return
        question = EasyScreen(job, self.disk, self.vm_of_job)
        wishes = await self.app.push_screen_wait(question)
        if wishes is not None:
            bound = wishes.easy
            done = "goes as fast as it can" if bound is None else f"keeps writes under {bound}"
            self._wish(worker, job, wishes, done)

    def _wish(self, worker: "VmWorker | None", job: Job, wishes: Wishes, done: str) -> None:
        if worker is None:
            return
        try:
            worker.wish(job.id, wishes)
        except QmpError as error:
            self.notify(plain(with_advice(error)), severity="error", markup=False)
        else:
            name = job_named(job, self.deck.fleet.name_among(worker))
            self.notify(f"{name} {done}", markup=False)
