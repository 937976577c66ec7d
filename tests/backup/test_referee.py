"""A real QEMU is the referee: what the rules foretell, it must say."""

from pathlib import Path
from random import Random

import pytest

from tests.backup.cases import Targets, draw
from tests.backup.zoo import Zoo, make_images, options
from tests.qemu import qemu
from tui.backup.judge import judge
from tui.backup.verdict import Finding, Severity, Verdict

CASES = 130


@pytest.mark.parametrize("half", ["one", "other"])
async def test_the_verdict_is_that_of_qemu(tmp_path: Path, half: str) -> None:
    make_images(tmp_path)
    random = Random(f"referee {half}")
    disagreed = []
    unknown = 0
    async with qemu(tmp_path / "vm", *options(tmp_path)) as vm:
        zoo = Zoo(vm)
        await zoo.open()
        targets = Targets(tmp_path)
        for _ in range(CASES):
            arguments = draw(random, tmp_path)
            facts = zoo.facts(arguments.get("target"))
            verdict = judge(arguments, zoo.snapshot, zoo.schema, facts)
            if any(_is_deadly(finding) for finding in verdict.findings):
                continue
            opinion = await zoo.ask(arguments)
            targets.restore()
            if verdict.verdict == "unknown":
                unknown += 1
            elif verdict.verdict != opinion.verdict or not _same_words(verdict, opinion.refusal):
                disagreed.append((arguments, verdict.findings[:1], opinion))
    assert not disagreed
    assert unknown < CASES // 20


def _is_deadly(finding: Finding) -> bool:
    return finding.severity is Severity.DANGER and not finding.override


def _same_words(verdict: Verdict, refusal: str | None) -> bool:
    """Whether the first finding foretells the error, where it can be foretold word by word."""
    foretold = [f.foretells for f in verdict.findings if f.severity is Severity.REFUSES]
    unsure = any(f.severity is Severity.UNKNOWN for f in verdict.findings)
    if not foretold or foretold[0] is None or unsure:
        return True
    if verdict.findings[0].rule == "S-UNEXPECTED":
        return refusal in foretold  # QEMU picks one of them by its hash
    if verdict.findings[0].rule == "O-NOBACKING":
        return refusal is not None and refusal.endswith("does not support backing files")
    return refusal is not None and refusal.strip() == foretold[0].strip()
