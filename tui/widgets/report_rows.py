"""Reports of ended backups as rows of a table."""

from tui.records.report import BackupReport
from tui.text import plain
from tui.units import duration, rate, size
from tui.widgets.columns import Cell, Column

REPORT_COLUMNS = (
    Column("ended", "Ended", 16),
    Column("outcome", "Outcome", 9),
    Column("vm", "VM", 10, stretch=True, rank=2),
    Column("disk", "Disk", 9, stretch=True),
    Column("copied", "Copied", 9, right=True, rank=1),
    Column("took", "Took", 11, right=True, rank=3),
    Column("rate", "Mean rate", 11, right=True, rank=4),
    Column("warnings", "Warnings", 8, right=True, rank=6),
    Column("target", "Target", 30, stretch=True, rank=5, middle=True),
)

_OUTCOME = {
    "succeeded": "bold $text-success",
    "failed": "bold $text-error",
    "lost": "bold $text-error",
    "cancelled": "bold $text-warning",
}


def report_row(report: BackupReport) -> dict[str, Cell]:
    """The cells of one report."""
    return {
        "ended": Cell(report.ended.astimezone().strftime("%F %H:%M")),
        "outcome": Cell(report.outcome, _OUTCOME.get(report.outcome, "")),
        "vm": Cell(plain(report.vm or report.monitor, 60)),
        "disk": Cell(plain(report.source or "?", 60)),
        "copied": Cell(size(report.copied)),
        "took": Cell(duration(report.seconds)),
        "rate": Cell(rate(report.mean_rate)),
        "warnings": Cell(str(len(report.warnings)) if report.warnings else "-"),
        "target": Cell(plain(report.target, 200)),
    }


def matches(report: BackupReport, words: str) -> bool:
    """Whether every word is found in what the report is about."""
    about = (report.vm, report.monitor, report.source, report.target, report.outcome, report.job)
    hay = " ".join((*about, report.detail, f"{report.ended.astimezone():%F}")).casefold()
    return all(word in hay for word in words.casefold().split())
