"""Every block job, ours and other clients', running and ended."""

import time
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.widget import Widget
from textual.widgets import DataTable

from tui.screens.job_acts import JobActs
from tui.screens.job_page import JobPage
from tui.vm.snapshot import Job, VmSnapshot
from tui.widgets.job_rows import JOB_COLUMNS, describe_job, job_row
from tui.widgets.line import Line
from tui.widgets.live_table import LiveTable


class JobsScreen(JobActs):
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

    def __init__(self) -> None:
        super().__init__()
        self._dimmed_for: tuple[int, str, bool, bool] | None = None

    def compose_body(self) -> Iterable[Widget]:
        """Table, empty state, detail."""
        with Container(id="jobs"):
            yield LiveTable(JOB_COLUMNS, id="job-table")
            yield Line("No jobs. Press 1 for the disks, then b to back one up.", id="jobs-empty")
            with VerticalScroll(id="job-detail", can_focus=True):
                yield Line(id="job-detail-text")

    def on_mount(self) -> None:
        """Start on the table."""
        self.query_one(LiveTable).focus()

    def show_vm(self, vm: VmSnapshot) -> None:
        """Show the jobs, the running and the newest first."""
        now = time.monotonic()
        jobs = sorted(vm.jobs, key=lambda job: (not job.live, -job.key))
        self.query_one(LiveTable).show({str(job.key): job_row(job, now) for job in jobs})
        self.query_one("#jobs").set_class(not jobs, "-empty")
        self._show_detail()

    @property
    def highlighted(self) -> Job | None:
        """The job under the cursor."""
        key = self.query_one(LiveTable).selected_key
        if self.worker is None or key is None:
            return None
        return next((job for job in self.worker.snapshot.jobs if str(job.key) == key), None)

    def _show_detail(self) -> None:
        text = describe_job(self.highlighted, time.monotonic(), self.disk)
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
        job = self.highlighted
        if job is not None:
            self.app.push_screen(JobPage(job.key))

    def action_clear(self) -> None:
        """Forget the ended jobs."""
        if self.worker is not None:
            self.worker.clear_finished()
