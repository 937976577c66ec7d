"""`blockdeck jobs`: every block job that QEMU knows."""

from rich.table import Table
from rich.text import Text

from tui.cli.monitor import open_vm
from tui.cli.output import say, say_json, say_table
from tui.cli.reports import JobReport, JobsReport, VmReport
from tui.qmp.address import MonitorAddress
from tui.text import plain
from tui.units import percent, rate, size
from tui.vm.job import Job
from tui.vm.snapshot import VmSnapshot


async def list_jobs(address: MonitorAddress, *, as_json: bool, read_only: bool = False) -> int:
    """Print the jobs of the VM behind a monitor.

    Raises:
        Failure: it cannot be reached.
    """
    async with open_vm(address, read_only=read_only) as worker:
        vm = worker.snapshot
    if as_json:
        report = JobsReport(vm=VmReport.of(vm), jobs=tuple(JobReport.of(job) for job in vm.jobs))
        say_json(report.model_dump(by_alias=True))
    elif vm.jobs:
        say_table(_table(vm))
    else:
        say("QEMU knows of no block jobs.")
    return 0


def _table(vm: VmSnapshot) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("job", "type", "device", "state"):
        table.add_column(name, overflow="fold")
    for name in ("done", "of", "limit"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("detail", overflow="fold")
    for job in vm.jobs:
        table.add_row(*(Text(plain(cell)) for cell in _row(job)))
    return table


def _row(job: Job) -> tuple[str, ...]:
    return (
        job.id,
        job.type,
        job.device or "-",
        job.state,
        percent(job.fraction),
        size(job.len),
        rate(job.speed) if job.speed else "none",
        job.detail or ("-" if job.io_status == "ok" else f"I/O status {job.io_status}"),
    )
