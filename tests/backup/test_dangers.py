"""What QEMU accepts and BlockDeck warns of."""

from typing import Any

import pytest

from tests.backup.vms import GIB, file, judged, make_vm, seen
from tui.backup.verdict import Severity

NEW = "/backup/new.qcow2"


DANGERS: list[tuple[dict[str, Any], Any, str, bool]] = [
    # arguments, facts, rule, can be passed
    ({"target": "/disks/d0"}, None, "X15", False),
    ({"target": "/disks/../disks/loose"}, None, "X15", False),
    ({"target": "/disks/base"}, None, "X15", False),
    ({}, file(same_file_as="/disks/d0"), "X15", False),
    ({"device": "temp"}, None, "X3", False),
    ({"discard_source": True}, None, "X5", False),
    ({"discard_source": True, "device": "loose"}, None, "X5", True),
    ({"x_perf": {"min-cluster-size": 256 << 20}}, None, "X6", False),
    ({"x_perf": {"min-cluster-size": 1 << 33}}, None, "X6", False),
    ({"mode": "existing"}, seen(exists=True, kind="fifo"), "X11", False),
    ({"target": "nbd:unix:/s"}, None, "X11", True),
    ({"target": "backup.qcow2"}, None, "RELATIVE-TARGET", False),
    ({"on_cbw_error": "break-snapshot"}, None, "X12", True),
    ({"on_source_error": "ignore"}, None, "IGNORE-SOURCE", True),
    ({"on_target_error": "ignore"}, None, "IGNORE-TARGET", True),
    ({}, file(), "OVERWRITE", True),
    ({}, seen(free_bytes=GIB // 8), "NO-SPACE", True),
    ({"format": "vmdk"}, seen(free_bytes=GIB // 8), "NO-SPACE", False),
    ({"job_id": "a" * 4000}, None, "LONG-TEXT", False),
    (
        {"mode": "existing", "sync": "none", "format": "blkdebug"},
        file(),
        "NONE-INTO-FILTER",
        False,
    ),
]


@pytest.mark.parametrize(("arguments", "facts", "rule", "passable"), DANGERS)
def test_dangers_keep_a_backup_from_being_started(
    arguments: dict[str, Any], facts: Any, rule: str, passable: bool
) -> None:
    verdict = judged(facts=facts, **arguments)
    danger = next(finding for finding in verdict.findings if finding.rule == rule)
    assert (danger.severity, danger.override) == (Severity.DANGER, passable)
    assert danger in verdict.blockers()
    assert (danger in verdict.blockers({rule})) is not passable


def test_an_unnamed_format_of_an_existing_image_needs_a_tick() -> None:
    verdict = judged("format", mode="existing", facts=file())
    assert verdict.verdict == "accept"
    assert [finding.rule for finding in verdict.blockers()] == ["X16"]


def test_qed_is_deadly_for_an_odd_size() -> None:
    odd = make_vm(virtual_size=GIB + 512)
    assert "X7" in [finding.rule for finding in judged(vm=odd, format="qed").blockers()]
    assert "X7" not in [finding.rule for finding in judged(format="qed").blockers()]


def test_the_dangers_of_qemu_5() -> None:
    old = make_vm(5)
    (frozen,) = judged(vm=old).blockers()
    assert (frozen.rule, frozen.override) == ("X1", True)
    bad = next(f for f in judged(vm=old, unseen=True).blockers() if f.rule == "X1")
    assert not bad.override
    kept = judged(vm=old, auto_dismiss=False)
    assert "X2" in [f.rule for f in kept.blockers({"X1", "X2"})]
    empty = judged(vm=make_vm(5, virtual_size=0)).blockers()
    assert "X9" in [finding.rule for finding in empty]
    raw = file(image_format=None, size=GIB)
    none = judged(vm=old, facts=raw, mode="existing", sync="none", format="raw")
    assert none.verdict == "accept"
    assert "X10" in [finding.rule for finding in none.blockers()]
    assert judged(vm=make_vm(7), auto_dismiss=False).blockers() == ()


def test_an_overwritten_file_is_described() -> None:
    day = 86_400.0
    facts = file(size=13_207_024_435, modified=100 * day, seen_at=101 * day)
    (finding,) = judged(facts=facts).blockers()
    assert finding.message.startswith(f"'{NEW}' exists (qcow2, 12.3 GiB, changed yesterday ")
    assert finding.message.endswith("): the backup replaces it for good.")


@pytest.mark.parametrize(
    ("arguments", "facts", "rule"),
    [
        ({"format": "vmdk"}, None, "X8"),
        ({"device": "raw", "on_source_error": "stop"}, None, "ON-ERROR"),
        ({"job_id": "a", "target": "/backup/a\nb"}, None, "CONTROL-CHARS"),
        ({"sync": "incremental", "bitmap": "b0"}, None, "INCREMENT-ALONE"),
        ({"sync": "incremental", "bitmap": "idle"}, None, "BITMAP-IDLE"),
        ({}, seen(same_filesystem_as_source=True), "SAME-DISK"),
        ({}, seen(filesystem="tmpfs"), "VOLATILE"),
        ({"device": "f-d0"}, None, "INNER-NODE"),
    ],
)
def test_risks_are_told_and_stop_nobody(arguments: dict[str, Any], facts: Any, rule: str) -> None:
    verdict = judged(facts=facts, **arguments)
    risk = next(finding for finding in verdict.findings if finding.rule == rule)
    assert risk.severity is Severity.RISK
    assert risk not in verdict.blockers()
