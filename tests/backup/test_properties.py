"""What holds for any input."""

import json
import re
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from qemu.qmp.qmp_shell import QMPShell

from tests.backup.vms import SCHEMA, SOUND, VM, file, make_vm, seen
from tui.backup.draft import parse_draft
from tui.backup.estimate import estimate_copy
from tui.backup.fields import form_fields
from tui.backup.fieldtexts import FIELD_TEXTS
from tui.backup.formstate import applicability
from tui.backup.judge import judge
from tui.backup.preview import as_json, as_json_line, as_qmp_shell
from tui.backup.target import suggest_job_id, suggest_target
from tui.backup.verdict import Severity, Verdict

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False)
    | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
PLACES = [argument.name for argument in SCHEMA.arguments("drive-backup")]
LIKELY = st.sampled_from(
    [
        *("d0", "chain", "ro", "busy", "cd0", "full", "top", "none", "incremental", "bitmap", "b0"),
        *("torn", "existing", "qcow2", "raw", "vmdk", "vpc", "qed", "/backup/x", "/disks/d0"),
        "nbd:x",
    ]
)
ARGUMENTS = st.dictionaries(st.sampled_from([*PLACES, "foo"]), LIKELY | ANY_JSON, max_size=18)
FACTS = st.sampled_from(
    [None, seen("/backup/x"), file(path="/backup/x"), seen("/backup/x", writable=None)]
)
VMS = st.sampled_from([VM, make_vm(5), make_vm(10, virtual_size=512), VM.__class__()])
NAMES = st.text(max_size=300)
MOMENTS = st.datetimes()


@given(ARGUMENTS, VMS, FACTS, st.sampled_from(["drive-backup", "blockdev-backup"]))
def test_whatever_comes_in_a_verdict_comes_out(
    arguments: dict[str, Any], vm: Any, facts: Any, command: str
) -> None:
    verdict = judge(arguments, vm, SCHEMA, facts, command=command)
    severities = [finding.severity for finding in verdict.findings]
    assert (Severity.REFUSES in severities) is (verdict.verdict == "reject")
    assert severities == sorted(severities, key=list(Severity).index)
    assert verdict.command == {"execute": command, "arguments": arguments}
    answer = json.loads(verdict.model_dump_json())
    assert list(answer) == ["verdict", "findings", "command"]
    for finding in answer["findings"]:
        assert list(finding) == ["field", "severity", "rule", "message"]
        assert finding["message"].isprintable()
    assert Verdict.model_validate(answer).verdict == verdict.verdict
    estimate_copy(arguments, vm)


@given(ARGUMENTS, VMS, FACTS)
def test_what_is_well_formed_for_the_schema_is_not_blamed_on_it(
    arguments: dict[str, Any], vm: Any, facts: Any
) -> None:
    changed = {
        **SOUND,
        **{k: v for k, v in arguments.items() if k in ("job-id", "bitmap", "format")},
    }
    faults = [
        f.field
        for f in judge(changed, vm, SCHEMA, facts).findings
        if f.rule in ("S-TYPE", "S-ENUM")
    ]
    assert faults == [
        name for name in PLACES if name in changed and not isinstance(changed[name], str)
    ]


JOB_ID = re.compile(r"blockdeck-[A-Za-z0-9._-]+")


@given(NAMES, MOMENTS)
def test_a_suggested_job_id_is_always_taken(name: str, now: datetime) -> None:
    job_id = suggest_job_id(name, now)
    assert JOB_ID.fullmatch(job_id)
    assert len(job_id) < 100
    findings = judge({**SOUND, "job-id": job_id}, VM, SCHEMA, seen()).findings
    assert not [finding for finding in findings if finding.field == "job-id"]


@given(NAMES, NAMES, MOMENTS, st.sampled_from([*FIELD_TEXTS, "qcow2", "raw", "vpc", "", "../x"]))
def test_a_suggested_target_is_absolute_and_plain(
    directory: str, name: str, now: datetime, image_format: str
) -> None:
    target = suggest_target(directory, name, now, image_format)
    assert target.startswith("/")
    assert target.isprintable()
    assert len(target.rpartition("/")[2].encode()) <= 255
    target = suggest_target(f"/backups/{name.replace('/', '')}", name, now, image_format)
    assert target.startswith("/")
    assert target.isprintable()


TEXTS = st.sampled_from(
    ["qcow2", "a b", "1", "1_0", "true", "null", "{", "[1]", "é", "'", '"', "\\"]
)


class Shell(QMPShell):
    """The real shell's reading of a line, without a monitor."""

    def __init__(self) -> None:
        self._transmode = False

    def __del__(self) -> None:
        """There is no connection to end."""

    def read(self, line: str) -> Any:
        """The message it would send."""
        return self._build_cmd(line)


@given(st.dictionaries(st.sampled_from([*PLACES, "x.y", "a=b", ""]), TEXTS | ANY_JSON, max_size=8))
def test_the_shown_commands_say_what_is_sent(arguments: dict[str, Any]) -> None:
    command = {"execute": "drive-backup", "arguments": arguments}
    assert json.loads(as_json(command)) == command
    assert json.loads(as_json_line(command)) == command
    line = as_qmp_shell(command)
    assert line.isprintable()
    read = Shell().read(line)
    if line.startswith("transaction "):
        action = {"type": "drive-backup", "data": arguments}
        assert read == {"execute": "transaction", "arguments": {"actions": [action]}}
    else:
        assert read == command
    assert same_types(read, json.loads(json.dumps(read)))


def same_types(one: Any, other: Any) -> bool:
    """Whether true stayed true and did not become 1."""
    return repr(one) == repr(other)


FIELDS = form_fields(SCHEMA)
SIZES = st.integers(0, 2**63 - 1)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "job-id": st.text(min_size=1, max_size=20),
            "target": st.text(min_size=1, max_size=20),
            "sync": st.sampled_from(["full", "top", "none"]),
            "speed": st.integers(-(2**63), 2**63 - 1),
            "compress": st.booleans(),
            "x-perf": st.fixed_dictionaries(
                {},
                optional={
                    "max-workers": st.integers(),
                    "max-chunk": SIZES,
                    "use-copy-range": st.booleans(),
                },
            ).filter(bool),
        },
    )
)
def test_a_draft_reads_what_the_form_writes(arguments: dict[str, Any]) -> None:
    texts = {}
    for name, value in arguments.items():
        members = value if isinstance(value, dict) else {"": value}
        for inner, part in members.items():
            path = f"{name}.{inner}" if inner else name
            texts[path] = {True: "on", False: "off"}[part] if isinstance(part, bool) else str(part)
    numbers = [int(t) for n, t in texts.items() if n == "x-perf.max-workers"]
    draft = parse_draft(texts, FIELDS)
    if all(abs(number) < 10**30 for number in numbers):
        assert draft.findings == ()
        assert draft.arguments == arguments


@given(st.dictionaries(st.sampled_from([f.name for f in FIELDS]) | st.text(), st.text()))
def test_any_text_is_read_or_refused_at_its_field(texts: dict[str, str]) -> None:
    draft = parse_draft(texts, FIELDS)
    assert {finding.field for finding in draft.findings} <= set(texts)
    judge(draft.arguments, VM, SCHEMA, None)


@given(
    st.dictionaries(st.sampled_from([f.name for f in FIELDS]), LIKELY | st.text(max_size=9)),
    st.sampled_from([None, *VM.devices]),
)
def test_a_field_that_is_filled_in_is_never_hidden(texts: dict[str, str], device: Any) -> None:
    states = applicability(texts, device, VM, FIELDS)
    assert list(states) == [field.name for field in FIELDS]
    for field in FIELDS:
        text, state = texts.get(field.name, ""), states[field.name]
        if text:
            assert state.state == "enabled"
        if text in {choice.value for choice in field.choices}:
            assert text in {choice.value for choice in state.choices}
