"""What a rule is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from tui.backup.rules.case import Case
from tui.backup.verdict import Finding, Severity


class Hit(NamedTuple):
    """That a rule applies: to which argument, what to tell, and what QEMU would say.

    `place` orders hits of rules that QEMU checks in one sweep.
    """

    field: str | None
    message: str
    foretells: str | None = None
    override: bool = False
    place: int = 0


Check = Callable[[Case], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its id, how much it weighs, what it says in general, and the check itself."""

    id: str
    severity: Severity
    summary: str
    check: Check

    def finding(self, hit: Hit) -> Finding:
        """What to tell of one hit."""
        return Finding(
            field=hit.field,
            severity=self.severity,
            rule=self.id,
            message=hit.message,
            foretells=hit.foretells,
            override=hit.override,
        )


def rule(rule_id: str, severity: Severity) -> Callable[[Check], Rule]:
    """Make a rule of the function that checks it; the function's docstring is its summary."""

    def make(check: Check) -> Rule:
        return Rule(rule_id, severity, check.__doc__ or "", check)

    return make
