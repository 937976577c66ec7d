"""The verdict on a set of arguments: every rule, the weightiest finding first."""

from collections.abc import Mapping

from tui.backup.arguments import DRIVE_BACKUP, Json
from tui.backup.arguments import command as as_command
from tui.backup.plan import Plan, make_plan
from tui.backup.rules import STAGES, schema
from tui.backup.rules.case import Case
from tui.backup.target import TargetFacts
from tui.backup.target_io import TargetIo
from tui.backup.verdict import Finding, Severity, Verdict
from tui.backup.way import Way
from tui.qmp.schema import QmpSchema
from tui.vm.snapshot import VmSnapshot

_WEIGHT = {severity: weight for weight, severity in enumerate(Severity)}


def judge(
    arguments: Mapping[str, Json],
    vm: VmSnapshot,
    schema: QmpSchema,
    target: TargetFacts | None,
    command: str = DRIVE_BACKUP,
    *,
    way: Way = Way.DRIVE,
    fleece: TargetFacts | None = None,
    target_io: TargetIo = TargetIo.WRITEBACK,
) -> Verdict:
    """Foretell what QEMU will say to these arguments, and what they would do.

    Args:
        arguments: spelled and typed as they would be sent; any JSON will do.
        vm: the VM as it is now.
        schema: what the connected QEMU knows.
        target: what is known of the target's file; None is nothing.
        command: the command whose arguments they are: `drive-backup` or `blockdev-backup`.
        way: how a `drive-backup` is carried out.
        fleece: the image that saves what the guest overwrites; only by nodes.
        target_io: how the target is written to; only by nodes.
    """
    by_nodes = way is Way.BLOCKDEV and command == DRIVE_BACKUP
    case = Case(
        arguments,
        vm,
        schema,
        target,
        command,
        by_nodes=by_nodes,
        fleece=fleece,
        target_io=target_io,
    )
    findings = _weightiest_first(case)
    severities = {finding.severity for finding in findings}
    if Severity.REFUSES in severities:
        verdict = "reject"
    else:
        verdict = "unknown" if Severity.UNKNOWN in severities else "accept"
    plan = make_plan(case) if by_nodes else None
    return Verdict(
        verdict=verdict,
        findings=findings,
        command=plan.job if plan else as_command(command, arguments),
        prepare=(*plan.prepare, *plan.enter) if plan else (),
        asked=arguments,
    )


def plan_for(
    arguments: Mapping[str, Json],
    vm: VmSnapshot,
    schema: QmpSchema,
    target: TargetFacts | None,
    fleece: TargetFacts | None = None,
    target_io: TargetIo = TargetIo.WRITEBACK,
) -> Plan:
    """How the arguments of a `drive-backup` are carried out by nodes."""
    case = Case(
        arguments,
        vm,
        schema,
        target,
        DRIVE_BACKUP,
        by_nodes=True,
        fleece=fleece,
        target_io=target_io,
    )
    return make_plan(case)


def _weightiest_first(case: Case) -> tuple[Finding, ...]:
    """All findings by weight, and those of one weight in the order in which QEMU checks."""
    findings: list[Finding] = []
    malformed: set[str | None] = set()
    for stage in STAGES:
        hits = [(hit, rule) for rule in stage for hit in rule.check(case)]
        hits.sort(key=lambda pair: pair[0].place)
        # What is said of an argument of the wrong type would be said of nothing.
        findings += [rule.finding(hit) for hit, rule in hits if hit.field not in malformed]
        if stage is schema.RULES:
            malformed.update(finding.field for finding in findings)
    return tuple(sorted(findings, key=lambda finding: _WEIGHT[finding.severity]))
