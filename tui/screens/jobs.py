"""Every block job, ours and other clients', running and ended."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.widget import Widget
from textual.widgets import DataTable

from tui.keymap import remappable
from tui.screens.job_acts import JobActs
from tui.screens.job_page import JobPage
from tui.screens.row_screen import RowScreen
from tui.vm.job import Job
from tui.vm.snapshot import VmSnapshot
from tui.widgets.facts import Facts
from tui.widgets.fleet_rows import total_line
from tui.widgets.job_rows import JOB_COLUMNS, describe_job, job_columns, job_row
from tui.widgets.line import Line
from tui.widgets.live_table import LiveTable

if TYPE_CHECKING:
    from tui.worker import VmWorker


_NONE = "No jobs. Press 1 for the disks, then b to back one up."


class JobsScreen(JobActs, RowScreen):
    """The table of jobs and, for the one highlighted, all there is to know."""

    BINDING_GROUP_TITLE = "Jobs"
    BINDINGS: ClassVar[list[BindingType]] = [
        *JobActs.BINDINGS,
        Binding(
            "i,enter",
            "open_page",
            "Page",
            show=False,
            tooltip="Timeline, rates and command of the job",
        ),
        Binding("x", "clear", "Clear", show=False, tooltip="Take the ended jobs off the list"),
    ]
    BINDINGS = remappable("jobs", BINDINGS)
    OF_A_ROW = frozenset({"open_page"})

    def __init__(self) -> None:
        super().__init__()
        self._dimmed_for: tuple[int, str, bool, bool] | None = None
        self._sought: tuple[VmWorker, str] | None = None

    def compose_body(self) -> Iterable[Widget]:
        """Table, empty state, detail."""
        # Not beside one another: its many columns take all of a wide terminal.
        with Container(id="jobs", classes="listed"):
            yield LiveTable(JOB_COLUMNS, id="job-table")
            yield Line(_NONE, id="jobs-empty", classes="empty")
            with VerticalScroll(id="job-detail", can_focus=True, classes="detail"):
                yield Facts(id="job-detail-text")
        yield Line(id="jobs-total", classes="total-line")

    def on_mount(self) -> None:
        """Start on the table."""
        self.query(LiveTable).focus()

    def show_vm(self, vm: VmSnapshot) -> None:
        """Show the jobs of this VM or of all, the running and the newest first."""
        now = time.monotonic()
        workers = self.deck.fleet.in_view
        several = len(workers) > 1
        jobs = [(worker, job) for worker in workers for job in worker.snapshot.jobs]
        jobs.sort(key=lambda one: (not one[1].live, -(one[1].started or 0.0), -one[1].key))
        table = self.query_one(LiveTable)
        table.use(job_columns(w.snapshot.title for w in workers if several))
        table.show({_key(w, job): job_row(job, now, w.snapshot.title) for w, job in jobs})
        self._go_to_sought()
        self.query_one("#jobs").set_class(not jobs, "-empty")
        self.lacks_rows("" if jobs else _NONE)
        total = self.query_one("#jobs-total", Line)
        total.display = several or len(vm.live_jobs) > 1
        total.show(total_line([worker.snapshot for worker in workers]))
        self._show_detail()

    def go_to_job(self, worker: "VmWorker", job_id: str) -> None:
        """Put the cursor on a job that was just started, now or as soon as it is listed."""
        self._sought = (worker, job_id)
        self.take()

    def _go_to_sought(self) -> None:
        if self._sought is None:
            return
        worker, job_id = self._sought
        # An id may be used again: the job meant is the newest of it.
        keys = [job.key for job in worker.snapshot.jobs if job.id == job_id]
        if keys and self.query_one(LiveTable).select(f"{id(worker)}-{max(keys)}"):
            self._sought = None

    @property
    def _selected(self) -> "tuple[VmWorker, Job] | None":
        key = self.query_one(LiveTable).selected_key
        jobs = ((w, job) for w in self.deck.fleet.in_view for job in w.snapshot.jobs)
        return next(((w, job) for w, job in jobs if _key(w, job) == key), None)

    @property
    def highlighted(self) -> Job | None:
        """The job under the cursor."""
        selected = self._selected
        return selected[1] if selected is not None else None

    @property
    def job_worker(self) -> "VmWorker | None":
        """The worker of the VM that the job under the cursor is of."""
        selected = self._selected
        return selected[0] if selected is not None else self.worker

    def _show_detail(self) -> None:
        text = describe_job(self.highlighted, time.monotonic(), self.disk, self.vm_of_job)
        self.query_one("#job-detail-text", Line).show_resized(text)
        self._dim_keys()

    def _dim_keys(self) -> None:
        """What can be done depends on the job and its state."""
        job = self.highlighted
        state = (job.key, job.status, job.paused, job.live) if job else None
        if state != self._dimmed_for:
            self._dimmed_for = state
            self.refresh_bindings()

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._show_detail()

    @on(DataTable.RowSelected)
    def _row_selected(self) -> None:
        self.action_open_page()

    def action_open_page(self) -> None:
        """Show all there is to know about the job."""
        selected = self._selected
        if selected is not None:
            self.app.push_screen(JobPage(*selected))

    def action_clear(self) -> None:
        """Forget the ended jobs."""
        if all(job.live for worker in self.deck.fleet.in_view for job in worker.snapshot.jobs):
            self.notify("No job has ended that could be taken off the list.", severity="warning")
        for worker in self.deck.fleet.in_view:
            worker.clear_finished()


def _key(worker: "VmWorker", job: Job) -> str:
    """Names a row: two VMs may have jobs of the same key."""
    return f"{id(worker)}-{job.key}"
