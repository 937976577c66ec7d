"""`--way` and `--command`: by which command a backup is judged and carried out."""

import json
from pathlib import Path

import pytest

from tests.cli.running import blockdeck
from tests.qemu import QemuStarter, Vm, qemu_img
from tests.waiting import until_answered


def words(target: Path) -> tuple[str, ...]:
    return ("device=drive0", "sync=full", "format=qcow2", f"target={target}")


async def test_a_backup_by_nodes_from_its_name_to_its_outcome(vm: Vm, tmp_path: Path) -> None:
    await vm.write("drive0", 0, 1 << 20, 65)
    nodes = await vm.qmp("query-named-block-nodes", flat=True)
    target = tmp_path / "out.qcow2"
    done = await blockdeck(
        *("backup", vm.monitor, *words(target), "--way", "blockdev-backup", "--json")
    )
    assert done.status == 0, done.err
    first, *_, last = done.lines
    assert first["command"]["execute"] == "blockdev-backup"
    assert first["command"]["arguments"]["device"] == "drive0"
    assert (last["outcome"], last["target"]) == ("succeeded", str(target))
    assert await vm.qmp("query-jobs") == []
    assert len(await vm.qmp("query-named-block-nodes", flat=True)) == len(nodes)
    await vm.qmp("human-monitor-command", command_line="qemu-io drive0 flush")
    assert "identical" in qemu_img("compare", "-U", tmp_path / "disk.qcow2", target)


async def test_a_check_shows_every_command_of_the_way(vm: Vm, tmp_path: Path) -> None:
    target = tmp_path / "out.qcow2"
    done = await blockdeck("check", vm.monitor, *words(target), "--way", "blockdev-backup")
    assert done.status == 0, done.out
    shown = [json.loads(line)["execute"] for line in done.out.splitlines() if line[0] == "{"]
    assert shown[0] == "blockdev-create"
    assert shown[-1] == "blockdev-backup"
    assert "blockdev-add" in shown
    assert not target.exists()


async def test_what_only_one_way_can_do(vm: Vm) -> None:
    by_name = ("device=drive0", "sync=full", "format=raw", "target=nbd://localhost/x")
    drive = await blockdeck("check", vm.monitor, *by_name, "--way", "drive-backup", "--json")
    assert drive.json["verdict"] != "reject"
    nodes = await blockdeck("check", vm.monitor, *by_name, "--way", "blockdev-backup", "--json")
    assert (nodes.status, nodes.json["verdict"]) == (1, "reject")
    assert {finding["field"] for finding in nodes.json["findings"]} >= {"target"}


async def test_the_default_is_the_way_that_is_safe(qemu: QemuStarter, tmp_path: Path) -> None:
    disk = tmp_path / "disk.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", disk, "1M")
    vm = await qemu("-drive", f"if=none,id=drive0,format=qcow2,snapshot=on,file={disk}")
    target = tmp_path / "out.qcow2"
    asked = ("check", vm.monitor, *words(target), "--json")
    assert (await blockdeck(*asked)).json["command"]["execute"] == "blockdev-backup"
    told = (await blockdeck(*asked, "--way", "drive-backup")).json
    assert told["command"]["execute"] == "drive-backup"
    assert "danger" in {finding["severity"] for finding in told["findings"]}
    done = await blockdeck("backup", vm.monitor, *words(target), "--way", "drive-backup")
    assert done.status == 1
    assert done.err.endswith("blockdeck: the backup was not started\n")
    assert (await blockdeck("backup", vm.monitor, *words(target))).status == 0
    assert disk.exists()
    assert target.exists()


@pytest.mark.parametrize(
    ("options", "command"),
    [
        ((), "drive-backup"),
        (("--way", "drive-backup"), "drive-backup"),
        (("--way", "blockdev-backup"), "blockdev-backup"),
    ],
)
async def test_a_batch_is_of_one_way(
    vm: Vm, tmp_path: Path, options: tuple[str, ...], command: str
) -> None:
    asked = dict(word.split("=", 1) for word in words(tmp_path / "out.qcow2"))
    done = await blockdeck("check", vm.monitor, "--batch", *options, given=json.dumps(asked))
    assert done.json["verdict"] == "accept"
    assert done.json["command"]["execute"] == command


async def test_the_raw_arguments_of_blockdev_backup(vm: Vm) -> None:
    size = 64 << 20
    await vm.qmp("blockdev-add", driver="null-co", node_name="there", size=size)
    raw = ("device=drive0", "sync=full", "target=there")
    by_command = ("--command", "blockdev-backup")
    done = await blockdeck("check", vm.monitor, *raw, *by_command, "--json")
    assert done.json["verdict"] == "accept", done.out
    assert done.json["command"] == {
        "execute": "blockdev-backup",
        "arguments": {"device": "drive0", "sync": "full", "target": "there"},
    }
    asked = {"device": "drive0", "sync": "full", "target": "there", "format": "raw"}
    batch = await blockdeck("check", vm.monitor, "--batch", *by_command, given=json.dumps(asked))
    assert batch.json["verdict"] == "reject"
    assert batch.json["findings"][0]["field"] == "format"


async def test_way_and_command_exclude_each_other(vm: Vm) -> None:
    both = ("--way", "drive-backup", "--command", "blockdev-backup")
    done = await blockdeck("check", vm.monitor, "device=drive0", *both)
    assert done.status == 2
    assert "exclude each other" in done.err


async def test_who_does_not_wait_is_told_what_waits(vm: Vm, tmp_path: Path) -> None:
    target = tmp_path / "out.qcow2"
    started = await blockdeck(
        *("backup", vm.monitor, *words(target), "--way", "blockdev-backup", "--no-wait")
    )
    assert started.status == 0, started.err
    assert "Its target stays open until BlockDeck has seen that it is over." in started.err

    async def is_closed() -> bool:
        await blockdeck("jobs", vm.monitor)
        nodes = await vm.qmp("query-named-block-nodes", flat=True)
        return not [node for node in nodes if node["node-name"].startswith("blockdeck-")]

    await until_answered(is_closed)
    assert "identical" in qemu_img("compare", tmp_path / "disk.qcow2", target, "-U")
