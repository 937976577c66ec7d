"""`blockdeck chain` on a real QEMU: begun, gone on with, interrupted and seen to its end."""

import hashlib
import json
import signal
from pathlib import Path

from tests.chain.disks import STEP, MirroredDisk, restored
from tests.cli.running import blockdeck, finish, next_line, start
from tests.qemu import QemuStarter
from tests.small import small_filesystem


async def test_a_full_one_and_an_increment_and_what_is_listed(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    disks = [MirroredDisk.make(tmp_path, f"n{i}", "qcow2") for i in range(2)]
    vm = await qemu(*disks[0].options, *disks[1].options)
    place = tmp_path / "backups"
    place.mkdir()
    await disks[0].write(vm, 0, STEP, 7)
    first = await blockdeck("chain", "start", vm.monitor, place)
    assert first.status == 0, first.err
    assert ", full, is complete" in first.out
    await disks[1].write(vm, STEP, STEP, 9)
    second = await blockdeck("chain", "next", vm.monitor, place, "--json")
    assert second.status == 0, second.err
    *_, told = second.lines
    point = told["points"][-1]
    assert (point["serial"], point["kind"], point["state"]) == (2, "incremental", "complete")
    assert point["command"]["arguments"]["properties"] == {"completion-mode": "grouped"}
    for disk in disks:
        image = place / point["images"][disk.name]["file"]
        assert await restored(image, tmp_path) == bytes(disk.content)
    listed = await blockdeck("chain", "list", place)
    assert listed.status == 0, listed.err
    assert "full" in listed.out
    assert "incremental  1   complete" in listed.out
    assert (await blockdeck("chain", "list", place, "--json")).json["id"] == told["id"]


async def test_checksums_are_taken_and_can_be_left_for_later(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    disk = MirroredDisk.make(tmp_path, "n0", "raw")
    vm = await qemu(*disk.options)
    first = await blockdeck("chain", "start", vm.monitor, tmp_path, "--json")
    assert first.status == 0, first.err
    (image,) = first.lines[-1]["points"][0]["images"].values()
    whole = (tmp_path / image["file"]).read_bytes()
    assert image["sha256"] == hashlib.sha256(whole).hexdigest()

    later = await blockdeck("chain", "next", vm.monitor, tmp_path, "--no-checksum", "--json")
    assert [i["sha256"] for i in later.lines[-1]["points"][1]["images"].values()] == [None]
    assert (await blockdeck("chain", "seal", tmp_path)).out == "1 checksum taken\n"
    assert (await blockdeck("chain", "seal", tmp_path)).out == "every image has its checksum\n"
    (tmp_path / image["file"]).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    rotten = await blockdeck("verify", tmp_path)
    assert rotten.status == 1
    assert "has changed since it was written" in rotten.out


async def test_too_little_room_is_told_before_it_is_missed(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    disk = MirroredDisk.make(tmp_path, "n0", "raw")
    vm = await qemu(*disk.options)
    await disk.write(vm, 0, len(disk.content), 5)
    with small_filesystem(tmp_path / "small", 2 << 20) as place:
        told = await blockdeck("chain", "start", vm.monitor, place)
        assert told.status == 1
        assert "The point may take 4.0 MiB, and " in told.err
        assert not list(place.iterdir())


async def test_without_its_bitmap_a_full_one_is_offered(qemu: QemuStarter, tmp_path: Path) -> None:
    disk = MirroredDisk.make(tmp_path, "n0", "raw")
    vm = await qemu(*disk.options)
    assert (await blockdeck("chain", "start", vm.monitor, tmp_path, "--disk", "n0")).status == 0
    await vm.kill()
    again = await qemu(*disk.options)
    refused = await blockdeck("chain", "next", again.monitor, tmp_path)
    assert refused.status == 1
    assert "n0 has lost the bitmap blockdeck-" in refused.err
    assert "add --full" in refused.err
    full = await blockdeck("chain", "next", again.monitor, tmp_path, "--full")
    assert full.status == 0, full.err
    assert "point 2 of chain" in full.out


async def test_an_interrupted_point_goes_on_and_is_finished_later(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    disk = MirroredDisk.make(tmp_path, "n0", "raw")
    vm = await qemu(*disk.options)
    await disk.write(vm, 0, len(disk.content), 5)
    words = ("chain", "start", vm.monitor, tmp_path, "--speed", "64KiB", "--json")
    process = await start(*words)
    while json.loads(await next_line(process))["type"] != "progress":
        pass
    process.send_signal(signal.SIGINT)
    done = await finish(process)
    assert done.status == 130
    assert f"blockdeck chain finish {vm.monitor}" in done.err
    busy = await blockdeck("chain", "next", vm.monitor, tmp_path)
    assert "A point of the chain is being made" in busy.err
    (job,) = await vm.qmp("query-block-jobs")
    await vm.qmp("block-job-set-speed", device=job["device"], speed=0)
    finished = await blockdeck("chain", "finish", vm.monitor, tmp_path)
    assert finished.status == 0, finished.err
    (image,) = tmp_path.glob("*-0001.qcow2")
    assert await restored(image, tmp_path) == bytes(disk.content)
    assert (await blockdeck("chain", "next", vm.monitor, tmp_path)).status == 0


async def test_mistakes_are_told_in_a_sentence(qemu: QemuStarter, tmp_path: Path) -> None:
    disk = MirroredDisk.make(tmp_path, "n0", "raw")
    vm = await qemu(*disk.options)
    for words, told in (
        (("start", vm.monitor, tmp_path / "nowhere"), "is no directory"),
        (("start", vm.monitor, tmp_path, "--disk", "sda"), "the VM has no disk sda"),
        (("start", vm.monitor, tmp_path, "--speed", "fast"), "--speed"),
        (("next", vm.monitor, tmp_path), "has no chain"),
        (("list", tmp_path / "nowhere"), "is no directory"),
    ):
        done = await blockdeck("chain", *words)
        assert done.status in (1, 2)
        assert told in done.err
    assert list(tmp_path.glob("*.json")) == []
