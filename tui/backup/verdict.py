"""What BlockDeck says about a set of arguments before they are sent."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Severity(StrEnum):
    """How much a finding weighs, the weightiest first.

    `refuses`: QEMU answers with an error. `danger`: QEMU accepts, and something is lost. `unknown`:
    only the host of QEMU can tell, and it cannot be seen from here. `risk`: it may go wrong.
    `note`: worth knowing.
    """

    REFUSES = "refuses"
    DANGER = "danger"
    UNKNOWN = "unknown"
    RISK = "risk"
    NOTE = "note"


class Finding(BaseModel):
    """One thing to say about the arguments.

    `field` is the argument it concerns (`x-perf.max-chunk` for a nested one), None for all.
    `rule` names the rule, `message` says in a sentence what is so and what to do. `foretells` is
    the error QEMU would answer with. `override` asks for an explicit tick: with it the operator
    passes a danger or a risk; a danger without `override` cannot be passed at all.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    field: str | None
    severity: Severity
    rule: str
    message: str
    foretells: str | None = Field(default=None, exclude=True)
    override: bool = Field(default=False, exclude=True)

    def blocks(self, overrides: Collection[str] = ()) -> bool:
        """Whether this keeps the backup from being started, given the rules ticked as accepted."""
        if self.override:
            return self.rule not in overrides
        return self.severity in (Severity.REFUSES, Severity.DANGER)


class Verdict(BaseModel):
    """What QEMU will say, as far as it can be told, and what else there is to know.

    `verdict` foretells QEMU's behaviour alone: dangers stand beside it in `findings`, which begin
    with QEMU's first refusal. `command` is the QMP command that was judged. Dumped as JSON this is
    the answer of `blockdeck check --json`. `prepare` are the commands that are sent before it, and
    `asked` the arguments as they were given.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    verdict: Literal["accept", "reject", "unknown"]
    findings: tuple[Finding, ...]
    command: Mapping[str, Any]
    prepare: tuple[Mapping[str, Any], ...] = Field(default=(), exclude=True)
    asked: Mapping[str, Any] = Field(default_factory=dict, exclude=True)

    @property
    def commands(self) -> tuple[Mapping[str, Any], ...]:
        """All there is to send, in order."""
        return (*self.prepare, self.command)

    def blockers(self, overrides: Collection[str] = ()) -> tuple[Finding, ...]:
        """The findings that keep the backup from being started, given the rules ticked."""
        return tuple(finding for finding in self.findings if finding.blocks(overrides))

    def warnings(self, overrides: Collection[str] = ()) -> tuple[str, ...]:
        """What was said against a backup that is started all the same, for its report."""
        return tuple(
            f"{finding.message} [{finding.rule}{', accepted' if accepted else ''}]"
            for finding in self.findings
            if (accepted := finding.override and finding.rule in overrides)
            or finding.severity is not Severity.NOTE
        )

    def to_tick(self) -> tuple[Finding, ...]:
        """The findings that need an explicit tick before the backup can be started."""
        return tuple(finding for finding in self.findings if finding.override)
