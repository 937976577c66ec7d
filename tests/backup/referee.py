"""Asks a verdict and a real QEMU about the same arguments and compares what they say."""

import collections
import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.backup.images import copy_images, make_images
from tests.backup.targets import Targets
from tests.backup.zoo import Opinion, open_zoo
from tui.backup.advice import field_of_refusal
from tui.backup.arguments import DRIVE_BACKUP
from tui.backup.verdict import Finding, Severity, Verdict

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Dispute:
    """A case in which verdict and QEMU differ, and in what."""

    kind: str
    arguments: Arguments
    verdict: Verdict
    opinion: Opinion

    def __str__(self) -> str:
        said = self.opinion.refusal or self.opinion.failure or "accepted"
        first = self.verdict.findings[0] if self.verdict.findings else None
        told = f"{first.rule} {first.field}: {first.foretells or first.message}" if first else ""
        judged = f"judge: {self.verdict.verdict} {told}"
        return f"{self.kind}: {dict(self.arguments)}\n  {judged}\n  QEMU: {said}"


@dataclass
class Tally:
    """What came of a run of cases."""

    cases: int = 0
    agreed: int = 0
    not_sent: int = 0
    unknown: collections.Counter[str] = field(default_factory=collections.Counter)
    disputes: list[Dispute] = field(default_factory=list)
    deaths: list[tuple[Arguments, str]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def count(self, kind: str) -> int:
        """How many disputes of a kind there are."""
        return sum(dispute.kind == kind for dispute in self.disputes)

    @property
    def pace(self) -> float:
        """Cases a second."""
        return self.cases / max(time.monotonic() - self.began, 0.001)


class Referee:
    """Judges cases one after the other; a QEMU that a case spoils is replaced by a fresh one.

    Args:
        directory: where images, targets and QEMUs live; empty.
        command: whose arguments the cases are.
    """

    def __init__(self, directory: Path, command: str = DRIVE_BACKUP) -> None:
        self.tally = Tally()
        self._command = command
        self._directory = directory
        self._numbers = itertools.count()
        self._pristine = directory / "pristine"
        self._pristine.mkdir()
        make_images(self._pristine)
        self._targets = Targets(directory)

    @property
    def _images(self) -> Path:
        return self._directory / "images"

    async def hear(self, cases: Iterator[Arguments]) -> Tally:
        """Go through all cases."""
        pending = True
        while pending:
            copy_images(self._pristine, self._images)
            asked: list[Arguments] = []
            try:
                pending = await self._with_one_qemu(cases, asked)
            except (AssertionError, ConnectionError, TimeoutError) as error:
                if not asked:
                    raise
                self.tally.deaths.append((asked[-1], str(error).splitlines()[0]))
            self._targets.restore()
        return self.tally

    async def _with_one_qemu(self, cases: Iterator[Arguments], asked: list[Arguments]) -> bool:
        """Use one QEMU for as long as it is sound; False when there are no more cases."""
        async with open_zoo(self._directory / f"vm{next(self._numbers)}", self._images) as zoo:
            fresh = True
            for arguments in cases:
                verdict = await zoo.worker.judge(arguments, command=self._command, fresh=fresh)
                self.tally.cases += 1
                if any(_is_deadly(finding) for finding in verdict.findings):
                    self.tally.not_sent += 1
                    continue
                asked.append(arguments)
                opinion = await zoo.ask(arguments, self._command)
                # A refused command leaves everything as it was.
                fresh = opinion.refusal is None
                self._targets.restore()
                self._compare(arguments, verdict, opinion)
                if _spoils(verdict, opinion):
                    return True
        return False

    def _compare(self, arguments: Arguments, verdict: Verdict, opinion: Opinion) -> None:
        kind = dispute(verdict, opinion)
        if kind is not None:
            self.tally.disputes.append(Dispute(kind, arguments, verdict, opinion))
        elif verdict.verdict == "unknown":
            first = next(f for f in verdict.findings if f.severity is Severity.UNKNOWN)
            self.tally.unknown[f"{first.rule} {first.message}"] += 1
        else:
            self.tally.agreed += 1


def dispute(verdict: Verdict, opinion: Opinion) -> str | None:
    """What verdict and QEMU differ in; None where they agree, or the verdict is open."""
    if verdict.verdict == "unknown":
        return None
    if verdict.verdict != opinion.verdict:
        return "false accept" if verdict.verdict == "accept" else "false reject"
    if opinion.refusal is None:
        return None
    unsure = any(f.severity is Severity.UNKNOWN for f in verdict.findings)
    first = verdict.findings[0]
    if not unsure and not _same_words(verdict, opinion.refusal):
        return "other words"
    blamed = field_of_refusal(opinion.refusal)
    # Where the words are the same the field is a matter of whose fault it is.
    known = first.foretells is not None or blamed is None or unsure
    of_target = {"format", "target"}
    same = blamed == first.field or {blamed, first.field} <= of_target
    return None if known or same else "other field"


def _is_deadly(finding: Finding) -> bool:
    return (
        finding.severity is Severity.DANGER and not finding.override and finding.rule not in _TAME
    )


# These endanger one disk or one backup; QEMU itself survives them.
_TAME = frozenset({"X1", "X2", "X5", "X15", "LONG-TEXT"})


def _spoils(verdict: Verdict, opinion: Opinion) -> bool:
    """Whether the QEMU is of no use for the next case: a frozen disk, or an overwritten one."""
    rules = [finding.rule for finding in verdict.findings]
    if opinion.refusal is None:
        return "X15" in rules
    # Arguments, source, bitmap and job are checked before or after the target is opened.
    return "X1" in rules and not rules[0].startswith(("S-", "D-", "B-", "J-"))


def _same_words(verdict: Verdict, refusal: str) -> bool:
    """Whether the first finding foretells the error, where it can be foretold word by word."""
    first = verdict.findings[0]
    if first.foretells is None:
        return True
    if first.rule == "S-UNEXPECTED":
        # QEMU picks one of them by its hash.
        return refusal in {f.foretells for f in verdict.findings}
    if first.rule == "O-NOBACKING":
        return refusal.endswith("does not support backing files")
    return refusal.strip() == first.foretells.strip()
