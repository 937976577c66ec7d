"""What is at the target already and would be lost, and whether there is room for the backup."""

from collections.abc import Iterator
from datetime import datetime

from tui.backup.estimate import estimate_copy
from tui.backup.rules.case import Case
from tui.backup.rules.rule import Hit, rule
from tui.backup.target import TargetFacts
from tui.backup.verdict import Severity
from tui.backup.wording import quote, when
from tui.units import size


@rule("OVERWRITE", Severity.DANGER)
def overwrite(case: Case) -> Iterator[Hit]:
    """The target exists and is replaced."""
    facts = case.facts
    if case.creates and facts is not None and facts.exists and facts.kind in ("file", "block"):
        yield Hit(
            "target",
            f"{quote(case.name.path)} exists ({_look(facts)}): the backup replaces it for good.",
            override=True,
        )


def _look(facts: TargetFacts) -> str:
    words = [facts.image_format or ("raw data" if facts.kind == "file" else "a block device")]
    if facts.size is not None and facts.kind == "file":
        words.append(size(facts.size))
    if facts.modified is not None and facts.seen_at is not None:
        changed = datetime.fromtimestamp(facts.modified).astimezone()
        words.append(f"changed {when(changed, datetime.fromtimestamp(facts.seen_at).astimezone())}")
    return ", ".join(words)


@rule("OVERWRITE-UNSEEN", Severity.RISK)
def overwrite_unseen(case: Case) -> Iterator[Hit]:
    """The target may exist, and would be replaced."""
    path = case.name.path
    if case.creates and path and (case.facts is None or case.facts.exists is None):
        yield Hit(
            "target",
            f"BlockDeck cannot see the QEMU host's files: if {quote(path)} exists there, it is "
            "replaced.",
            override=True,
        )


@rule("NO-SPACE", Severity.DANGER)
def no_space(case: Case) -> Iterator[Hit]:
    """The backup needs more space than there is."""
    facts, needed = case.facts, estimate_copy(case.arguments, case.vm).needed
    if facts is None or facts.free_bytes is None or needed is None or not case.creates:
        return
    free = facts.free_bytes + (facts.size or 0 if facts.kind == "file" else 0)
    if facts.kind in ("file", None) and free < needed:
        deadly = case.format == "vmdk"
        words = f"The backup needs about {size(needed)}, and {size(free)} are free: "
        words += (
            "a full file system kills QEMU while it writes vmdk (X8)."
            if deadly
            else "when the space runs out the guest's own writes fail and the VM may stop (X13)."
        )
        yield Hit("target", words, override=not deadly)


RULES = (overwrite, overwrite_unseen, no_space)
