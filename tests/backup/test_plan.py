"""The plan of a backup by nodes: what is sent, in which order, and what is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import QemuStarter, Vm
from tests.worker.disks import MIB, drive, overlay, pattern
from tests.worker.watching import backup, worker_of
from tui.backup.arguments import BLOCKDEV_BACKUP
from tui.backup.way import Way
from tui.vm.target_nodes import target_nodes

LONGEST_NODE_NAME = 31


async def planned(vm: Vm, **more: Any) -> list[dict[str, Any]]:
    """The commands that a backup would send."""
    async with worker_of(vm) as worker:
        verdict = await worker.judge(backup(vm, **more), way=Way.BLOCKDEV)
    return [json.loads(json.dumps(command)) for command in verdict.commands]


async def on_overlay(qemu: QemuStarter, tmp_path: Path) -> tuple[Vm, Path, Path]:
    """A VM whose disk stands on another image: it, the disk's file, and the other one's."""
    base, top = pattern(tmp_path / "base.raw", size=MIB), tmp_path / "top.qcow2"
    return await qemu(*drive(overlay(top, base, "raw"), "qcow2")), top, base


@pytest.mark.parametrize("sync", ["full", "top", "none"])
async def test_a_new_image_stands_on_what_drive_backup_would_put_it_on(
    qemu: QemuStarter, tmp_path: Path, sync: str
) -> None:
    vm, top, base = await on_overlay(qemu, tmp_path)
    commands = await planned(vm, sync=sync)
    names = [command["execute"] for command in commands]
    create, add = "blockdev-create", "blockdev-add"
    assert names == [create, add, create, add, BLOCKDEV_BACKUP]
    header, opened = commands[2]["arguments"]["options"], commands[3]["arguments"]
    backing = {
        "full": {},
        "top": {"backing-file": str(base), "backing-fmt": "raw"},
        "none": {"backing-file": str(top), "backing-fmt": "qcow2"},
    }
    assert {n: v for n, v in header.items() if n.startswith("backing")} == backing[sync]
    # What is above the disk itself must see what the guest has not overwritten yet.
    assert isinstance(opened.get("backing"), str) == (sync == "none")


async def test_a_raw_image_is_made_at_its_full_size_and_opened(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw", size=MIB)))
    create, file, raw, _ = await planned(vm, format="raw")
    assert create["arguments"]["options"]["size"] == MIB
    assert (file["arguments"]["driver"], raw["arguments"]["driver"]) == ("file", "raw")


async def test_an_existing_image_is_opened_and_not_made(qemu: QemuStarter, tmp_path: Path) -> None:
    vm, _, _ = await on_overlay(qemu, tmp_path)
    commands = await planned(vm, mode="existing", sync="incremental", bitmap="bm")
    assert [c["execute"] for c in commands] == ["blockdev-add", "blockdev-add", BLOCKDEV_BACKUP]


async def test_the_job_gets_its_arguments_but_for_those_of_the_target_s_file(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm, _, _ = await on_overlay(qemu, tmp_path)
    *_, job = await planned(vm, speed=MIB, compress=True, on_target_error="stop")
    given = backup(vm, speed=MIB, compress=True, on_target_error="stop")
    kept = {name: value for name, value in given.items() if name != "format"}
    assert job["arguments"] == {**kept, "target": target_nodes(given["job-id"])[0]}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"target": "nbd:localhost:10809"}, "target"),
        ({"target": 'json:{"driver":"null-co"}'}, "target"),
        ({"target": "relative.img"}, "target"),
        ({"format": "luks"}, "format"),
        ({"format": "raw", "sync": "none"}, "format"),
    ],
)
async def test_what_cannot_be_done_by_nodes_is_refused_at_its_field(
    qemu: QemuStarter, tmp_path: Path, more: dict[str, Any], field: str
) -> None:
    vm, _, _ = await on_overlay(qemu, tmp_path)
    async with worker_of(vm) as worker:
        verdict = await worker.judge({**backup(vm), **more}, way=Way.BLOCKDEV)
        assert verdict.verdict == "reject"
        assert field in [f.field for f in verdict.findings if f.rule.startswith("W-")]


def test_node_names_follow_from_the_job_and_are_short_enough() -> None:
    names = [name for job in ("a", "b", "x" * 2000, "\ud800") for name in target_nodes(job)]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= LONGEST_NODE_NAME
    assert target_nodes("a") == target_nodes("a")
