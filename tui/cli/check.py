"""`blockdeck check`: what QEMU would say to a backup."""

from tui.backup.preview import as_json_line
from tui.backup.verdict import Finding, Verdict
from tui.cli.failure import Status
from tui.cli.monitor import open_vm
from tui.cli.output import complain, say, say_json
from tui.cli.words import How, judge_draft, read_arguments
from tui.qmp.address import MonitorAddress

_MEANINGS = {
    "accept": "QEMU will take this",
    "reject": "QEMU will refuse this",
    "unknown": "whether QEMU takes this cannot be told from here",
}


async def check_words(
    address: MonitorAddress,
    texts: dict[str, str],
    how: How,
    *,
    as_json: bool,
    read_only: bool = False,
) -> int:
    """Print the verdict on one set of arguments.

    Raises:
        Failure: the monitor cannot be reached, or this QEMU does not know the way.
        QmpError: QEMU could not be asked.
    """
    async with open_vm(address, read_only=read_only) as worker:
        draft = read_arguments(worker, texts, how.command)
        verdict, _ = await judge_draft(worker, draft, how)
    if as_json:
        say_json(verdict.model_dump())
    else:
        say(f"{verdict.verdict}: {_MEANINGS[verdict.verdict]}")
        for finding in verdict.findings:
            say(as_line(finding))
        for command in verdict.commands:
            say(as_json_line(command))
    return _status(verdict)


def as_line(finding: Finding) -> str:
    """A finding as `field: severity: message [RULE]`."""
    field = f"{finding.field}: " if finding.field else ""
    return f"{field}{finding.severity}: {finding.message} [{finding.rule}]"


def _status(verdict: Verdict) -> int:
    if verdict.verdict == "reject":
        return Status.FAILED
    if verdict.verdict == "unknown":
        complain("the verdict is unknown; QEMU itself will tell")
    return Status.DONE
