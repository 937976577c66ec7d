"""Every block job, ours and other clients', running and ended."""

import time
from collections.abc import Iterable
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.widget import Widget
from textual.widgets import DataTable

from tui.qmp.errors import QmpError
from tui.screens.confirm import Confirm
from tui.screens.vm_screen import VmScreen
from tui.text import plain
from tui.vm.snapshot import Job, VmSnapshot
from tui.widgets.job_rows import JOB_COLUMNS, describe_job, job_row
from tui.widgets.line import Line
from tui.widgets.live_table import LiveTable


class JobsScreen(VmScreen):
    """The table of jobs and, for the one highlighted, all there is to know."""

    BINDING_GROUP_TITLE = "Jobs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "cancel", "Cancel job", tooltip="Stop the highlighted job, after asking"),
        Binding("x", "clear", "Clear ended", tooltip="Take the ended jobs off the list"),
    ]

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
        text = describe_job(self.highlighted, time.monotonic())
        self.query_one("#job-detail-text", Line).show_resized(text)

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._show_detail()

    def action_clear(self) -> None:
        """Forget the ended jobs."""
        if self.worker is not None:
            self.worker.clear_finished()

    @work(group="command")
    async def action_cancel(self) -> None:
        """Ask, then cancel."""
        job, worker = self.highlighted, self.worker
        if job is None or worker is None:
            return
        if not job.live:
            self.notify(f"{job.id} has already ended", severity="warning", markup=False)
            return
        if not await self.app.push_screen_wait(_question(job)):
            return
        try:
            await worker.cancel(job.id)
        except QmpError as error:
            self.notify(
                f"{job.id} was not cancelled: {plain(str(error))}", severity="error", markup=False
            )


def _question(job: Job) -> Confirm:
    where = plain(job.target, 300) if job.target else "its target"
    lost = f"{where} stays behind, incomplete and useless as a backup."
    if job.type != "backup":
        lost = f"This is a {job.type} job: what it did so far may be lost."
    owner = "" if job.ours else " Another client started it, and may count on it."
    return Confirm(
        title=f"Cancel {plain(job.id, 60)}?",
        text=f"{lost}{owner}",
        yes="Cancel the job",
        no="Let it run",
    )
