"""`blockdeck history`: what became of the backups that have ended."""

from rich.table import Table
from rich.text import Text

from tui.cli.failure import Failure
from tui.cli.output import say, say_json, say_table
from tui.history import History
from tui.paths import state_directory
from tui.records.store import Filed
from tui.text import plain
from tui.units import duration, size


def list_history(*, wanted: str | None, as_json: bool, most: int) -> int:
    """Print the newest reports, or the ones of one backup whole.

    Args:
        wanted: a job id, or the name of a report's file; None lists.
        as_json: a JSON object a line.
        most: how many are listed.

    Raises:
        Failure: there is no such report.
    """
    store = History(state_directory() / "history.jsonl").reports
    filed = store.newest()
    if wanted is not None:
        filed = tuple(one for one in filed if wanted in (one.report.job, one.path.name))
        if not filed:
            advice = "blockdeck history lists what there is."
            raise Failure(f"there is no report of {wanted} in {store.directory}", advice)
    for one in filed[:most] if as_json else ():
        say_json({"file": str(one.path), **one.report.model_dump(mode="json")})
    if as_json:
        return 0
    if wanted is not None:
        for one in filed:
            for line in (*one.report.as_text().splitlines(), f"{'file':<11}{one.path}", ""):
                say(line)
    elif filed:
        say_table(_table(filed[:most]))
    else:
        say("No backup has ended yet.")
    return 0


def _table(filed: tuple[Filed, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("ended", "VM", "disk", "outcome"):
        table.add_column(name, no_wrap=True)
    for name in ("copied", "took"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("job", no_wrap=True)
    table.add_column("target", overflow="fold")
    for one in filed:
        table.add_row(*(Text(plain(cell)) for cell in _row(one)))
    return table


def _row(one: Filed) -> tuple[str, ...]:
    report = one.report
    return (
        report.ended.astimezone().strftime("%F %T"),
        report.vm or report.monitor,
        report.source or "?",
        report.outcome,
        size(report.copied),
        duration(report.seconds),
        report.job,
        report.target,
    )
