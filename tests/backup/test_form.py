"""The form's fields, which of them apply, and how their texts are read."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.backup.refusals import REFUSED
from tests.backup.vms import SCHEMA, VM, make_schema, make_vm, seen
from tests.qemu import qemu_img
from tui.backup.advice import advice_for, field_of_refusal
from tui.backup.defaults import default_arguments
from tui.backup.draft import parse_draft, parse_size, read_back
from tui.backup.fields import form_fields
from tui.backup.formstate import Applicability, applicability
from tui.backup.judge import judge
from tui.backup.target import TargetName, suggest_target

FIELDS = form_fields(SCHEMA)
BY_NAME = {field.name: field for field in FIELDS}
NOW = datetime(2024, 5, 1, 14, 2, 3, tzinfo=UTC)


def test_the_basic_fields_come_first_in_the_order_of_reading() -> None:
    names = [field.name for field in FIELDS]
    assert names[:5] == ["device", "sync", "target", "format", "mode"]
    basic = [field.basic for field in FIELDS]
    assert basic == sorted(basic, reverse=True)
    assert "x-perf" not in names
    assert not BY_NAME["x-perf.max-workers"].basic


def test_every_argument_has_words() -> None:
    for field in FIELDS:
        assert field.known
        assert field.help.endswith(".")
        assert len(field.help) <= 90


def test_kinds_follow_the_schema() -> None:
    kinds = {
        "device": "text",
        "sync": "choice",
        "target": "path",
        "format": "choice",
        "speed": "speed",
        "compress": "switch",
        "x-perf.max-chunk": "size",
        "x-perf.max-workers": "integer",
    }
    assert {name: BY_NAME[name].kind for name in kinds} == kinds


def test_only_formats_that_can_be_made_are_offered() -> None:
    values = [choice.value for choice in BY_NAME["format"].choices]
    assert values[:2] == ["qcow2", "raw"]
    assert not {"luks", "null-co", "throttle", "nbd"} & set(values)


def test_what_this_qemu_lacks_is_not_offered() -> None:
    names = {field.name for field in form_fields(make_schema("x-perf", "on-cbw-error"))}
    assert not {"on-cbw-error", "x-perf.max-workers"} & names


def test_unstable_arguments_are_marked() -> None:
    assert BY_NAME["x-perf.max-workers"].unstable
    assert not BY_NAME["target"].unstable


def states(device: str = "d0", vm: object = None, **texts: str) -> dict[str, Applicability]:
    spelled = {name.replace("_", "-"): text for name, text in texts.items()}
    return applicability(spelled, VM.device(device), VM, FIELDS)


def offered(state: Applicability) -> set[str]:
    return {choice.value for choice in state.choices}


def test_a_bitmap_is_asked_for_where_sync_uses_one() -> None:
    assert states(sync="full")["bitmap"].state == "hidden"
    shown = states(sync="incremental")["bitmap"]
    assert shown.state == "enabled"
    assert "b0" in shown.reason
    assert states(sync="full", bitmap="b0")["bitmap"].state == "enabled"
    assert states(sync="full")["bitmap-mode"].state == "hidden"
    assert states(sync="full", bitmap="b0")["bitmap-mode"].state == "enabled"


def test_compress_needs_a_format_that_can() -> None:
    assert states(format="qcow2")["compress"].state == "enabled"
    disabled = states(format="raw")["compress"]
    assert (disabled.state, disabled.reason) == (
        "disabled",
        "Format raw cannot be compressed; qcow2 can.",
    )
    assert states("raw")["compress"].state == "disabled"


def test_sync_modes_that_do_nothing_are_not_offered() -> None:
    assert offered(states("raw")["sync"]) == {"full", "none"}
    assert states("raw")["sync"].reason == (
        "Top needs a backing file; incremental and bitmap need a dirty bitmap."
    )
    assert "top" in offered(states("chain")["sync"])
    assert "incremental" in offered(states()["sync"])


def test_formats_follow_sync() -> None:
    assert offered(states(sync="none")["format"]) == {"qcow2", "qcow", "qed", "vmdk"}


def test_pausing_on_errors_is_offered_with_io_status_alone() -> None:
    assert "stop" in offered(states()["on-source-error"])
    assert offered(states("raw")["on-target-error"]) == {"report", "ignore", "auto"}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("speed", "50M", 50 << 20),
        ("speed", "1.5k", 1536),
        ("speed", "2 G", 2 << 30),
        ("speed", "1T", 1 << 40),
        ("speed", "50M/s", 50 << 20),
        ("x-perf.max-chunk", "64K", 64 << 10),
        ("x-perf.max-chunk", "64kB", 64_000),
        ("speed", "50MB", 50_000_000),
        ("speed", "50MiB", 50 << 20),
        ("speed", "1.5 GiB", 3 << 29),
        ("speed", " 7 ", 7),
        ("speed", "1.5 GiB/s", 3 << 29),
        ("speed", "-1", -1),
        ("x-perf.max-workers", "16", 16),
        ("compress", "YES", True),
        ("compress", "off", False),
        ("job-id", " a ", " a "),
        ("foo", "bar", "bar"),
    ],
)
def test_texts_are_read(name: str, text: str, value: object) -> None:
    draft = parse_draft({name: text}, FIELDS)
    outer, _, inner = name.partition(".")
    assert draft.arguments == {outer: {inner: value} if inner else value}
    assert draft.findings == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(
            ("speed", text)
            for text in ("fast", "1e3", "50 X", "1bit", "M", "0x10", "1,5M", "9" * 40)
        ),
        *(("x-perf.max-workers", text) for text in ("1.5", "4k", "many")),
        *(("compress", text) for text in ("1", "maybe")),
    ],
)
def test_what_cannot_be_read_is_told_at_its_field(name: str, text: str) -> None:
    draft = parse_draft({name: text}, FIELDS)
    assert draft.arguments == {}
    (finding,) = draft.findings
    assert finding.field == name
    assert finding.blocks()


@pytest.mark.parametrize("unit", ["", "k", "K", "M", "m", "G", "T"])
def test_a_unit_is_what_qemu_img_takes_it_for(unit: str, tmp_path: Path) -> None:
    text, image = f"3{unit}" if unit else "3072", tmp_path / "a.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", image, text)
    told = json.loads(qemu_img("info", "--output=json", image))
    assert parse_size(text) == told["virtual-size"]


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("speed", "50M", "= 50.0 MiB/s, 52,428,800 bytes a second"),
        ("speed", "50MB/s", "= 47.7 MiB/s, 50,000,000 bytes a second"),
        ("speed", "50", "= 50 B/s"),
        ("speed", "0", "= no limit"),
        ("size", "64K", "= 64.0 KiB, 65,536 bytes"),
        ("size", "0", ""),
        ("speed", "fast", ""),
        ("speed", "-1", ""),
        ("speed", "", ""),
        ("text", "50M", ""),
    ],
)
def test_how_it_was_read_is_told(kind: str, text: str, said: str) -> None:
    assert read_back(text, kind) == said


def test_empty_is_not_given() -> None:
    assert parse_draft({"speed": "", "bitmap": ""}, FIELDS).arguments == {}


@pytest.mark.parametrize("device", ["d0", "raw", "chain", "node", "loose", "ro"])
@pytest.mark.parametrize("major", [5, 7, 11])
def test_the_defaults_need_no_more_than_a_confirmation(device: str, major: int) -> None:
    vm = make_vm(major)
    disk = vm.device(device)
    assert disk is not None
    arguments = default_arguments(disk, vm, "/backup", NOW)
    target = arguments["target"]
    assert isinstance(target, str)
    verdict = judge(arguments, vm, SCHEMA, seen(target))
    assert verdict.verdict == "accept"
    assert [f.rule for f in verdict.blockers()] == (["X1"] if major == 5 else [])
    assert arguments["auto-dismiss"] is (major == 5)


def test_a_target_is_named_after_disk_and_time() -> None:
    assert suggest_target("/b", "drive 0", NOW, "qcow2") == "/b/drive-0-20240501-140203.qcow2"
    assert suggest_target("rel", "#block1", NOW, "raw") == "/block1-20240501-140203.raw"


@pytest.mark.parametrize(
    ("target", "protocol", "path"),
    [
        ("/a/b", None, "/a/b"),
        ("/a:b", None, "/a:b"),
        ("b", None, "b"),
        ("file:/a", "file", "/a"),
        ("file:///a", "file", "///a"),
        ("nbd:unix:/s", "nbd", None),
        ("a:b", "a", None),
        (":x", "", None),
    ],
)
def test_a_target_is_read_as_qemu_does(target: str, protocol: str | None, path: str | None) -> None:
    assert TargetName.of(target) == TargetName(protocol=protocol, path=path)


@pytest.mark.parametrize(
    ("desc", "field"),
    [
        ("Could not create '/x': Permission denied", "target"),
        ("Source and target image have different sizes", "target"),
        ("Parameter 'foo' is unexpected", "foo"),
        ("Parameter 'actions[0].data.x-perf.foo' is unexpected", "x-perf.foo"),
        ("Invalid parameter type for 'speed', expected: integer", "speed"),
        ("something new", None),
    ],
)
def test_a_refusal_is_put_at_its_field(desc: str, field: str | None) -> None:
    assert field_of_refusal(desc) == field


def test_every_foretold_refusal_would_be_put_where_its_rule_puts_it() -> None:
    for _, rule, field, foretold in REFUSED:
        if foretold is None or rule in ("S-ENUM", "J-SIZE") or field is None:
            continue
        assert field_of_refusal(foretold) == field, foretold


def test_advice_says_what_to_do() -> None:
    assert advice_for("Could not create '/x': Permission denied") is not None
    assert advice_for("Unknown file format 'x'") == "Choose qcow2 or raw."
    assert advice_for("something new") is None
