"""Each rule: what it says to one set of arguments, and to the sound ones nothing."""

from typing import Any

import pytest

from tests.backup.vms import (
    GIB,
    SCHEMA,
    SOUND,
    VM,
    file,
    judged,
    make_schema,
    make_vm,
    seen,
    worst,
)
from tui.backup.rules import RULES
from tui.backup.verdict import Severity
from tui.qmp.models import BlockDirtyInfo

NEW = "/backup/new.qcow2"
CREATE = f"Could not create '{NEW}': "
OPEN = f"Could not open '{NEW}': "
NODE = "Could not create node: "


def test_a_sound_backup_is_accepted_and_can_be_started() -> None:
    verdict = judged()
    assert verdict.verdict == "accept"
    assert verdict.blockers() == ()
    assert verdict.command == {"execute": "drive-backup", "arguments": SOUND}


REFUSED: list[tuple[dict[str, Any], str, str | None, str | None]] = [
    # arguments, rule, field, what QEMU says
    ({"device": 1}, "S-TYPE", "device", "Invalid parameter type for 'device', expected: string"),
    ({"device": None}, "S-TYPE", "device", "Invalid parameter type for 'device', expected: string"),
    ({"speed": 1.0}, "S-TYPE", "speed", "Invalid parameter type for 'speed', expected: integer"),
    ({"speed": True}, "S-TYPE", "speed", "Invalid parameter type for 'speed', expected: integer"),
    ({"speed": "1"}, "S-TYPE", "speed", "Invalid parameter type for 'speed', expected: integer"),
    ({"speed": 2**63}, "S-TYPE", "speed", "Invalid parameter type for 'speed', expected: integer"),
    ({"sync": 3}, "S-TYPE", "sync", "Invalid parameter type for 'sync', expected: string"),
    (
        {"compress": 1},
        "S-TYPE",
        "compress",
        "Invalid parameter type for 'compress', expected: boolean",
    ),
    ({"x_perf": 1}, "S-TYPE", "x-perf", "Invalid parameter type for 'x-perf', expected: object"),
    (
        {"x_perf": {"max-workers": []}},
        "S-TYPE",
        "x-perf.max-workers",
        "Invalid parameter type for 'x-perf.max-workers', expected: integer",
    ),
    ({"sync": "Full"}, "S-ENUM", "sync", "Parameter 'sync' does not accept value 'Full'"),
    ({"mode": ""}, "S-ENUM", "mode", "Parameter 'mode' does not accept value ''"),
    ({"foo": 1}, "S-UNEXPECTED", "foo", "Parameter 'foo' is unexpected"),
    ({"x_perf": {"foo": 1}}, "S-UNEXPECTED", "x-perf.foo", "Parameter 'x-perf.foo' is unexpected"),
    ({"job_id": "\ud800"}, "S-TEXT", "job-id", None),
    ({"job_id": "a\uffff"}, "S-TEXT", "job-id", None),
    ({"device": "no"}, "D-NODEV", "device", "Cannot find device='no' nor node-name='no'"),
    ({"device": ""}, "D-NODEV", "device", "Cannot find device='' nor node-name=''"),
    ({"device": "D0"}, "D-NODEV", "device", "Cannot find device='D0' nor node-name='D0'"),
    ({"device": "dev0"}, "D-NODEV", "device", "Cannot find device='dev0' nor node-name='dev0'"),
    ({"device": "cd0"}, "D-NOMEDIUM", "device", "Device 'cd0' has no medium"),
    (
        {"device": "busy"},
        "D-BUSY",
        "device",
        "Node 'busy' is busy: block device is in use by block job: backup",
    ),
    ({"format": "nosuch"}, "C-FORMAT", "format", "Unknown file format 'nosuch'"),
    ({"target": "a:b"}, "C-PROTO", "target", "Unknown protocol 'a'"),
    ({"target": "json:{}"}, "C-PROTO", "target", "Unknown protocol 'json'"),
    (
        {"format": "null-co"},
        "C-NOCREATE",
        "format",
        "Format driver 'null-co' does not support image creation",
    ),
    (
        {"target": "fat:x"},
        "C-NOCREATE",
        "target",
        "Protocol driver 'vvfat' does not support image creation",
    ),
    (
        {"format": "raw", "sync": "none"},
        "C-NOBACKING",
        "format",
        "Backing file not supported for file format 'raw'",
    ),
    (
        {"format": "raw", "sync": "top", "device": "chain"},
        "C-NOBACKING",
        "format",
        "Backing file not supported for file format 'raw'",
    ),
    ({"format": "luks"}, "C-KEYSECRET", "format", "Parameter 'key-secret' is required for cipher"),
    (
        {"format": "vmdk", "sync": "none"},
        "C-VMDK",
        "format",
        "backing_file must be a vmdk image",
    ),
    ({"target": ""}, "FS", "target", "Could not create '': No such file or directory"),
    ({"format": "nbd"}, "C-DRIVER", "format", None),
    (
        {"sync": "incremental"},
        "B-NAME",
        "bitmap",
        "must provide a valid bitmap name for 'incremental' sync mode",
    ),
    (
        {"sync": "bitmap", "bitmap_mode": "never"},
        "B-NAME",
        "bitmap",
        "must provide a valid bitmap name for 'bitmap' sync mode",
    ),
    (
        {"sync": "incremental", "bitmap": "b0", "bitmap_mode": "always"},
        "B-INCMODE",
        "bitmap-mode",
        "Bitmap sync mode must be 'on-success' when using sync mode 'incremental'",
    ),
    ({"bitmap": "x"}, "B-NOTFOUND", "bitmap", "Bitmap 'x' could not be found"),
    (
        {"sync": "bitmap", "bitmap": "b0"},
        "B-NEEDMODE",
        "bitmap-mode",
        "Bitmap sync mode must be given when providing a bitmap",
    ),
    (
        {"sync": "incremental", "bitmap": "used"},
        "B-BUSY",
        "bitmap",
        "Bitmap 'used' is currently in use by another operation and cannot be used",
    ),
    (
        {"sync": "incremental", "bitmap": "torn"},
        "B-INCONSISTENT",
        "bitmap",
        "Bitmap 'torn' is inconsistent and cannot be used",
    ),
    (
        {"sync": "none", "bitmap": "b0", "bitmap_mode": "always"},
        "B-NONE",
        "bitmap",
        "sync mode 'none' does not produce meaningful bitmap outputs",
    ),
    (
        {"bitmap": "b0", "bitmap_mode": "never"},
        "B-NEVER",
        "bitmap-mode",
        "Bitmap sync mode 'never' has no meaningful effect when combined with sync mode 'full'",
    ),
    (
        {"bitmap_mode": "always"},
        "B-MODEALONE",
        "bitmap-mode",
        "Cannot specify bitmap sync mode without a bitmap",
    ),
    (
        {"device": "ro", "sync": "incremental", "bitmap": "kept"},
        "B-READONLY",
        "bitmap",
        "Bitmap 'kept' is readonly and cannot be modified",
    ),
    (
        {"format": "raw", "compress": True},
        "J-COMPRESS",
        "compress",
        "Compression is not supported for this drive ",
    ),
    (
        {"x_perf": {"max-workers": 0}},
        "J-WORKERS",
        "x-perf.max-workers",
        "max-workers must be between 1 and 2147483647",
    ),
    (
        {"x_perf": {"max-chunk": -1}},
        "J-CHUNK",
        "x-perf.max-chunk",
        "max-chunk must be zero (which means no limit) or positive",
    ),
    (
        {"x_perf": {"max-chunk": 512}},
        "J-CHUNKCLUSTER",
        "x-perf.max-chunk",
        "Required max-chunk (512) is less than backup cluster size (65536)",
    ),
    (
        {"x_perf": {"max-chunk": 65536}, "format": "vdi"},
        "J-CHUNKCLUSTER",
        "x-perf.max-chunk",
        "Required max-chunk (65536) is less than backup cluster size (1048576)",
    ),
    (
        {"x_perf": {"min-cluster-size": 3}},
        "J-MINCLUSTER",
        "x-perf.min-cluster-size",
        f"{NODE}Cannot create block-copy-state: min-cluster-size needs to be a power of 2",
    ),
    (
        {"x_perf": {"min-cluster-size": -1}},
        "J-MINCLUSTER",
        "x-perf.min-cluster-size",
        "min-cluster-size too large: 18446744073709551615 > 9223372036854775807",
    ),
    ({"format": "vpc"}, "J-SIZE", "format", "Source and target image have different sizes"),
    (
        {"filter_node_name": "1x"},
        "J-FILTER",
        "filter-node-name",
        f"{NODE}Invalid node-name: '1x'",
    ),
    ({"filter_node_name": "x" * 32}, "J-FILTER", "filter-node-name", f"{NODE}Node name too long"),
    (
        {"filter_node_name": "n-d0"},
        "J-FILTER",
        "filter-node-name",
        f"{NODE}Duplicate nodes with node-name='n-d0'",
    ),
    (
        {"filter_node_name": "d0"},
        "J-FILTER",
        "filter-node-name",
        f"{NODE}node-name=d0 is conflicting with a device id",
    ),
    (
        {"device": "ro", "discard_source": True},
        "J-PERM",
        "discard-source",
        "Could not replace node: Block node is read-only",
    ),
    ({"job_id": ""}, "J-ID", "job-id", "Invalid job ID ''"),
    ({"job_id": "a b"}, "J-ID", "job-id", "Invalid job ID 'a b'"),
    ({"job_id": "ä"}, "J-ID", "job-id", "Invalid job ID 'ä'"),
    ({"job_id": "j1"}, "J-DUP", "job-id", "Job ID 'j1' already in use"),
    ({"speed": -1}, "J-SPEED", "speed", "Parameter 'speed' expects a non-negative value"),
]


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


FILES: list[tuple[dict[str, Any], dict[str, Any], str, str | None]] = [
    # facts, arguments, rule, what QEMU says
    (
        {"parent_exists": False, "parent_is_directory": None},
        {},
        "FS",
        f"{CREATE}No such file or directory",
    ),
    ({"parent_is_directory": False}, {}, "FS", f"{CREATE}Not a directory"),
    ({"exists": True, "kind": "directory"}, {}, "FS", f"{CREATE}Is a directory"),
    ({"exists": True, "kind": "socket"}, {}, "FS", f"{CREATE}No such device or address"),
    ({"exists": True, "kind": "fifo"}, {}, "FS", None),
    ({"name_too_long": True}, {}, "FS", f"{CREATE}File name too long"),
    ({"link_loop": True}, {}, "FS", f"{CREATE}Too many levels of symbolic links"),
    ({"writable": False}, {}, "FS", f"{CREATE}Permission denied"),
    ({"exists": True, "kind": "file", "locked": True}, {}, "FS", 'Failed to get "write" lock'),
    ({}, {"mode": "existing"}, "FS", f"{OPEN}No such file or directory"),
]


@pytest.mark.parametrize(("facts", "arguments", "rule", "foretold"), FILES)
def test_what_the_file_system_refuses(
    facts: dict[str, Any], arguments: dict[str, Any], rule: str, foretold: str | None
) -> None:
    verdict = judged(facts=seen(**facts), **arguments)
    assert verdict.verdict == "reject"
    assert (verdict.findings[0].rule, verdict.findings[0].foretells) == (rule, foretold)


def test_an_image_that_exists_must_fit() -> None:
    existing: dict[str, Any] = {"mode": "existing"}
    assert judged(facts=file(), **existing).verdict == "accept"
    small = judged(facts=file(virtual_size=GIB // 2), **existing).findings[0]
    assert small.rule == "J-SIZE"
    raw = judged(facts=file(image_format=None), **existing).findings[0]
    assert (raw.rule, raw.foretells) == ("O-FORMAT", "Image is not in qcow2 format")
    broken = file(backing_file="/gone", backing_usable=False)
    assert judged(facts=broken, **existing).findings[0].rule == "O-BACKING"
    verdict = judged(facts=file(image_format=None, size=GIB), format="raw", sync="none", **existing)
    assert verdict.findings[0].rule == "O-NOBACKING"
    assert judged(facts=file(), format="nosuch", **existing).findings[0].rule == "O-DRIVER"
    chunk: dict[str, Any] = {"x_perf": {"max-chunk": 65536}}
    verdict = judged(facts=file(cluster_size=1 << 20), **existing, **chunk)
    assert verdict.findings[0].rule == "J-CHUNKCLUSTER"


def test_what_cannot_be_seen_is_not_guessed() -> None:
    verdict = judged(unseen=True)
    assert verdict.verdict == "unknown"
    unseen = worst(verdict, Severity.UNKNOWN)
    assert unseen is not None
    assert (unseen.rule, unseen.field) == ("FS", "target")
    assert [finding.rule for finding in verdict.blockers()] == ["OVERWRITE-UNSEEN"]
    assert verdict.blockers({"OVERWRITE-UNSEEN"}) == ()
    assert judged(unseen=True, job_id="").verdict == "reject"
    assert judged(facts=seen(writable=None)).verdict == "unknown"
    assert judged(target="nbd:unix:/s", facts=seen("nbd:unix:/s")).verdict == "unknown"


def test_facts_of_another_target_do_not_count() -> None:
    assert judged(facts=seen("/elsewhere")).verdict == "unknown"


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
    rules = [f.rule for f in judged(vm=old, auto_dismiss=False).blockers()]
    assert "X2" in rules
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
