"""All there is to know about one job: how fast it was, what happened, what started it."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Sparkline

from tui.keymap import remappable
from tui.paths import sheets
from tui.screens.job_acts import JobActs
from tui.text import plain
from tui.units import duration, rate
from tui.vm.events import Gravity
from tui.vm.job import Job
from tui.vm.snapshot import VmSnapshot
from tui.vm.timeline import Moment, timeline
from tui.widgets.facts import Facts, fact
from tui.widgets.job_rows import describe_job
from tui.widgets.job_settings import settings_line
from tui.widgets.line import Line

if TYPE_CHECKING:
    from tui.worker import VmWorker

_STYLES = {
    Gravity.BAD: "bold $text-error",
    Gravity.WARNING: "$text-warning",
    Gravity.GOOD: "$text-success",
}


class JobPage(JobActs):
    """A page about one job, with the keys of the Jobs screen.

    Args:
        worker: of the VM that the job is of.
        job: the job.
    """

    CSS_PATH = sheets("job_page")

    BINDING_GROUP_TITLE = "Job"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("y", "copy", "Copy command", tooltip="The command that started the job, as JSON"),
    ]
    BINDINGS = remappable("job_page", BINDINGS)

    def __init__(self, worker: "VmWorker", job: Job) -> None:
        super().__init__()
        self._worker = worker
        self._key = job.key

    @property
    def worker(self) -> "VmWorker | None":
        """The worker of the job's VM, whichever is on show."""
        return self._worker

    def compose_body(self) -> Iterable[Widget]:
        """What it is, how fast it was, what happened, the command."""
        with VerticalScroll(id="job-page", can_focus=True), Container(id="job-page-halves"):
            with Vertical(classes="job-page-half"):
                yield Facts(id="job-page-text")
                yield Facts(id="job-page-settings")
                yield Line(id="job-page-rates-title", classes="job-page-title")
                with Horizontal(id="job-page-plot"):
                    yield Line(id="job-page-scale")
                    yield Sparkline(id="job-page-rates")
            with Vertical(classes="job-page-half"):
                yield Line("Timeline", classes="job-page-title")
                yield Facts(id="job-page-timeline")
                yield Line("Started by", classes="job-page-title")
                yield Line(id="job-page-command")

    def on_mount(self) -> None:
        """Start where it can be scrolled."""
        self.query("#job-page").focus()

    @property
    def highlighted(self) -> Job | None:
        """The job of the page."""
        return next((job for job in self._worker.snapshot.jobs if job.key == self._key), None)

    def show_vm(self, vm: VmSnapshot) -> None:
        """Show the job as it is now."""
        job, worker = self.highlighted, self._worker
        text = describe_job(job, time.monotonic(), self.disk, self.vm_of_job)
        self.query_one("#job-page-text", Line).show_resized(text)
        self.query_one("#job-page-settings", Line).show_resized(settings_line(job) if job else "")
        if job is None:
            return
        self._show_rates(job)
        ended = None
        if job.wall_started is not None and job.started is not None and job.ended is not None:
            ended = job.wall_started + job.ended - job.started
        moments = timeline(worker.events.since(0), job.id, job.wall_started, ended)
        self.query_one("#job-page-timeline", Line).show_resized(_lines(moments))
        self.query_one("#job-page-command", Line).show_resized(_command(job))
        self.refresh_bindings()

    def _show_rates(self, job: Job) -> None:
        words = "Rate: not known yet" if job.live else "Rate: it ended before one could be measured"
        if job.rates:
            least, most = rate(min(job.rates)), rate(max(job.rates))
            words = f"Rate over {duration(job.rated)}: {least} to {most}"
            self.query_one("#job-page-scale", Line).show_resized(f"{most}\n\n{rate(0)}")
        self.query_one("#job-page-rates-title", Line).show(words)
        sparkline = self.query_one(Sparkline)
        # Without any, and of zeros alone, it would be filled.
        self.query_one("#job-page-plot").display = any(job.rates)
        if tuple(sparkline.data or ()) != job.rates:
            sparkline.summary_function = from_zero(job.rates)
            sparkline.data = job.rates
            # A cell each: more would look like more looks than there were.
            sparkline.styles.max_width = len(job.rates)

    def action_copy(self) -> None:
        """Copy over the terminal."""
        job = self.highlighted
        if job is None or job.command is None:
            self.notify("The command is not known: another client sent it", severity="warning")
            return
        self.app.copy_to_clipboard(json.dumps(job.command))
        self.notify("Sent to your terminal's clipboard (OSC 52)")


def from_zero(rates: tuple[float, ...]) -> Callable[[Sequence[float]], float]:
    """What has a sparkline, which draws from the least on, draw each bar from zero on."""
    least, most = min(rates, default=0.0), max(rates, default=0.0)
    extent = (most - least) or 1
    return lambda bucket: least + max(bucket) / (most or 1) * extent


def _lines(moments: tuple[Moment, ...]) -> Content:
    if not moments:
        return Content.styled("No events were seen of it.", "$muted")
    lines = []
    for moment in moments:
        stamp = time.strftime("%H:%M:%S", time.localtime(moment.wall))
        style = _STYLES.get(moment.gravity, "")
        lines.append(fact(stamp, Content.styled(plain(moment.words, 300), style)))
    return Content("\n").join(lines)


def _command(job: Job) -> str:
    if job.command is None:
        return "Not known: it was not started from here."
    return "\n".join(plain(line, 400) for line in json.dumps(job.command, indent=2).split("\n"))
