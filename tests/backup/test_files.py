"""What the file system of QEMU's host decides."""

from typing import Any

import pytest

from tests.backup.vms import GIB, file, judged, seen, worst
from tui.backup.verdict import Severity

NEW = "/backup/new.qcow2"


CREATE = f"Could not create '{NEW}': "


OPEN = f"Could not open '{NEW}': "


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
