"""Each rule: what it says to one set of arguments, and to the sound ones nothing."""

from typing import Any

import pytest

from tests.backup.refusals import REFUSED
from tests.backup.vms import SCHEMA, SOUND, VM, judged, make_schema, make_vm, worst
from tui.backup.rules import RULES
from tui.backup.verdict import Severity
from tui.qmp.models import BlockDirtyInfo


def test_a_sound_backup_is_accepted_and_can_be_started() -> None:
    verdict = judged()
    assert verdict.verdict == "accept"
    assert verdict.blockers() == ()
    assert verdict.command == {"execute": "drive-backup", "arguments": SOUND}


@pytest.mark.parametrize(("arguments", "rule", "field", "foretold"), REFUSED)
def test_what_qemu_refuses(
    arguments: dict[str, Any], rule: str, field: str | None, foretold: str | None
) -> None:
    verdict = judged(**arguments)
    first = verdict.findings[0]
    assert verdict.verdict == "reject"
    assert (first.severity, first.rule, first.field) == (Severity.REFUSES, rule, field)
    assert verdict.blockers({finding.rule for finding in verdict.findings})
    if foretold is not None:
        assert first.foretells == foretold


@pytest.mark.parametrize("name", ["device", "target", "sync"])
def test_what_is_needed(name: str) -> None:
    first = judged(name).findings[0]
    assert (first.rule, first.field) == ("S-MISSING", name)
    assert first.foretells == f"Parameter '{name}' is missing"


@pytest.mark.parametrize(
    "arguments",
    [
        {"job_id": "a" * 200},
        {"job_id": "gone"},
        {"speed": 0},
        {"speed": 2**63 - 1},
        {"device": "n-d0"},
        {"device": "node"} | {"device": "n-node"},
        {"device": "n-busy"} | {"device": "ro"},
        {"target": "/backup/a b,c%d.qcow2"},
        {"target": "/backup/a:b.qcow2"},
        {"target": "file:/backup/a.qcow2"},
        {"sync": "top"},
        {"sync": "top", "device": "chain"},
        {"sync": "none"},
        {"sync": "top", "format": "raw"},
        {"sync": "incremental", "bitmap": "b0"},
        {"sync": "incremental", "bitmap": "idle"},
        {"sync": "bitmap", "bitmap": "b0", "bitmap_mode": "never"},
        {"sync": "bitmap", "bitmap": "kept", "bitmap_mode": "never", "device": "ro"},
        {"bitmap": "b0", "bitmap_mode": "always"},
        {"compress": True},
        {"compress": False, "format": "raw"},
        {"on_source_error": "stop", "on_target_error": "enospc"},
        {"x_perf": {}},
        {"x_perf": {"max-chunk": 0, "max-workers": 1, "use-copy-range": True}},
        {"x_perf": {"max-chunk": 65536}},
        {"x_perf": {"min-cluster-size": 128 << 20}},
        {"filter_node_name": "x" * 31},
        {"auto_finalize": False, "auto_dismiss": False},
    ],
)
def test_what_qemu_accepts(arguments: dict[str, Any]) -> None:
    assert judged(**arguments).verdict == "accept"


def test_a_disk_without_a_name_needs_a_job_id() -> None:
    first = judged("job-id", device="n-node").findings[0]
    assert (first.rule, first.foretells) == ("J-ID", "Invalid job ID ''")
    assert judged("job-id", device="n-d0").verdict == "accept"


def test_the_format_of_a_disk_is_the_default() -> None:
    assert judged("format", device="raw", sync="none").findings[0].rule == "C-NOBACKING"
    assert judged("format", device="d0", sync="none").verdict == "accept"
    assert judged("format", vm=make_vm(driver="throttle")).findings[0].rule == "C-NOCREATE"


def test_qemu_5_has_its_own_words() -> None:
    old = make_vm(5)
    told: dict[str, Any] = {
        "sync": ("x", "Invalid parameter 'x'"),
        "device": ("no", "Cannot find device=no nor node_name=no"),
        "filter_node_name": ("1", "Invalid node name"),
    }
    for name, (value, words) in told.items():
        assert judged(vm=old, **{name: value}).findings[0].foretells == words


def test_the_schema_says_what_can_be_sent() -> None:
    without = make_schema("on-cbw-error", "x-perf.min-cluster-size")
    verdict = judged(schema=without, on_cbw_error="break-guest-write")
    assert verdict.findings[0].rule == "S-UNEXPECTED"
    verdict = judged(schema=without, x_perf={"min-cluster-size": 65536})
    assert verdict.findings[0].field == "x-perf.min-cluster-size"


def test_qemu_reads_the_arguments_in_the_order_of_its_schema() -> None:
    verdict = judged("target", foo=1, sync="x", speed="fast", job_id=7)
    assert [finding.field for finding in verdict.findings[:5]] == [
        *("job-id", "sync", "speed", "target", "foo")
    ]


def test_the_checks_come_in_the_order_of_qemu() -> None:
    verdict = judged(
        sync="bitmap", bitmap="x", format="raw", compress=True, job_id="", speed=-1, device="chain"
    )
    refusals = [f.rule for f in verdict.findings if f.severity is Severity.REFUSES]
    assert refusals == ["B-NOTFOUND", "B-NEEDMODE", "J-COMPRESS", "J-ID", "J-SPEED"]


def test_commit_keeps_others_off_a_disk_and_mirror_off_its_name() -> None:
    disk = VM.devices[0]
    job = VM.jobs[0].__class__(id="c1", type="commit", status="running", device_key="d0")
    busy = disk.__class__(
        key="d0", device="d0", qdev="q", medium=disk.medium, jobs=("c1",), io_status="ok"
    )
    vm = VM.__class__(version=VM.version, devices=(busy,), nodes=VM.nodes, jobs=(job,))
    assert judged(vm=vm).findings[0].rule == "D-BUSY"
    assert judged(vm=vm, device="n-d0").findings[0].rule == "D-BUSY"


def test_blockdev_backup_writes_to_a_node() -> None:
    def on(target: str, **more: Any) -> str:
        verdict = judged("format", command="blockdev-backup", target=target, **more)
        first = worst(verdict, Severity.REFUSES)
        return first.rule if first else verdict.verdict

    assert on("n-loose") == "accept"
    assert on("n-d0") == "J-SAME"
    assert on("nosuch") == "D-NODEV"
    assert on("cd0") == "D-NOMEDIUM"
    assert on("n-ro") == "J-PERM"
    assert on("n-loose", compress=True) == "J-COMPRESS"


def test_messages_are_sentences_and_safe_to_show() -> None:
    nasty = "\x1b[31m[red]\n" + "x" * 5000
    for name in ("device", "job_id", "target", "format", "bitmap", "filter_node_name", "sync"):
        arguments: dict[str, Any] = {name: nasty}
        for finding in judged(**arguments).findings:
            assert finding.message.isprintable()
            assert len(finding.message) < 400
            assert finding.message.endswith(".")


def test_every_rule_is_told_in_a_sentence() -> None:
    assert all(rule.summary.endswith(".") and len(rule.summary) < 100 for rule in RULES)
    assert len({(rule.id, rule.summary) for rule in RULES}) == len(RULES)


def test_only_this_qemus_formats_are_known() -> None:
    assert "qcow2" in SCHEMA.block_drivers()
    assert judged(format="dmg").findings[0].rule == "C-FORMAT"


def test_marked_bytes_are_what_an_increment_copies() -> None:
    vm = make_vm(bitmaps=(BlockDirtyInfo(name="b", count=3 << 20, recording=True),))
    verdict = judged(vm=vm, sync="incremental", bitmap="b")
    note = next(finding for finding in verdict.findings if finding.rule == "ESTIMATE")
    assert note.message.startswith("Reads 3.0 MiB, takes about 4.0 MiB")
