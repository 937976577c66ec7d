"""A manifest says what a chain is, and cannot say what no chain is."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tui.chain.directory import NoManifest, chains_in, read_chain, write_chain
from tui.chain.manifest import Chain, Point, bitmap_name, chain_of_bitmap

WHEN = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
MIB = 1 << 20


def a_point(serial: int, parent: int | None = None, **changes: Any) -> dict[str, Any]:
    image = {
        "file": f"web-sda-{serial}.qcow2",
        "backing": f"web-sda-{parent}.qcow2" if parent else None,
        "virtual_size": MIB,
    }
    kind = "incremental" if parent else "full"
    return {
        "serial": serial,
        "kind": kind,
        "parent": parent,
        "state": "complete",
        "started": WHEN,
        "images": {"sda": image},
        **changes,
    }


def a_chain(*points: dict[str, Any]) -> Chain:
    disk = {"name": "sda", "device": "drive0", "node": "#block1", "virtual_size": MIB}
    return Chain.model_validate({"id": "0badcafe", "vm": "web", "disks": [disk], "points": points})


def test_the_last_complete_point_is_built_on() -> None:
    chain = a_chain(a_point(1), a_point(2, 1), a_point(3, 2, state="running"))
    assert chain.last is not None
    assert chain.last.serial == 2
    assert [point.serial for point in chain.lineage(chain.points[2])] == [1, 2, 3]


@pytest.mark.parametrize(
    ("points", "word"),
    [
        ([a_point(2, 1)], "not there"),
        ([a_point(1, state="running"), a_point(2, 1)], "not there"),
        ([a_point(2), a_point(1)], "out of order"),
        ([a_point(1), a_point(1)], "out of order"),
        ([a_point(1, kind="incremental")], "do not agree"),
        ([a_point(1, images={})], "no image"),
        ([a_point(1), a_point(2, images=a_point(1)["images"])], "share a file"),
        ([a_point(1), a_point(2), a_point(3, 2) | {"parent": 1}], "does not stand on"),
    ],
)
def test_what_is_no_chain_cannot_be_built(points: list[dict[str, Any]], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        a_chain(*points)


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/passwd", "..", ".", "", "a/b", "a\0b"])
def test_a_manifest_names_no_file_outside_its_directory(name: str) -> None:
    point = a_point(1)
    point["images"]["sda"] = {**point["images"]["sda"], "file": name}
    with pytest.raises(ValidationError, match="no file name"):
        a_chain(point)


def test_what_others_stand_on_is_not_taken_out() -> None:
    chain = a_chain(a_point(1), a_point(2, 1))
    assert len(chain.without_point(2).points) == 1
    with pytest.raises(ValueError, match="not there"):
        chain.without_point(1)


def test_a_point_becomes_complete() -> None:
    chain = a_chain(a_point(1, state="running"))
    assert chain.last is None
    done = chain.with_point(Point.model_validate(a_point(1)))
    assert done.last is not None


def test_a_bitmap_tells_its_chain_and_its_point() -> None:
    assert chain_of_bitmap(bitmap_name("0badcafe", 12)) == ("0badcafe", 12)
    assert chain_of_bitmap("backup-2024") is None
    assert chain_of_bitmap("blockdeck-0badcafe-0") is None


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    chain = a_chain(a_point(1), a_point(2, 1))
    path = write_chain(tmp_path, chain)
    assert read_chain(path).chain == chain
    assert [kept.chain for kept in chains_in(tmp_path)[0]] == [chain]
    assert [path.name for path in tmp_path.iterdir()] == ["blockdeck-0badcafe.chain.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"version": 1}',
        '{"version": 2}',
        '{"version": 1, "points": [7]}',
        "[]",
        "\xff",
        '{"id": "0badcafe"}',
    ],
)
def test_a_manifest_that_is_none_is_told_beside_the_good_ones(tmp_path: Path, text: str) -> None:
    write_chain(tmp_path, a_chain(a_point(1)))
    (tmp_path / "bad.chain.json").write_bytes(text.encode("latin-1"))
    kept, bad = chains_in(tmp_path)
    assert len(kept) == 1
    (error,) = bad
    assert isinstance(error, NoManifest)
    assert str(tmp_path / "bad.chain.json") in str(error)


def test_a_manifest_of_version_1_is_read_and_written_anew(tmp_path: Path) -> None:
    chain = a_chain(a_point(1), a_point(2, 1))
    path = write_chain(tmp_path, chain)
    read = json.loads(path.read_text())
    read["version"] = 1
    for point in read["points"]:
        del point["bitmap"], point["arguments"], point["commands"]
        point["command"] = {"execute": "transaction", "arguments": {"actions": [point["serial"]]}}
    path.write_text(json.dumps(read))
    kept = read_chain(path)
    assert kept.chain.version == 2
    assert [(p.bitmap, p.arguments) for p in kept.chain.points] == [(None, None)] * 2
    assert [[c["arguments"]["actions"] for c in p.commands] for p in kept.chain.points] == [
        [[1]],
        [[2]],
    ]
    assert read_chain(write_chain(tmp_path, kept.chain)) == kept


def test_a_manifest_of_a_version_to_come_is_refused_by_name(tmp_path: Path) -> None:
    path = write_chain(tmp_path, a_chain(a_point(1)))
    path.write_text(path.read_text().replace('"version": 2', '"version": 3'))
    with pytest.raises(NoManifest, match="version"):
        read_chain(path)
