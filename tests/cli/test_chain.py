"""`blockdeck chain` on a real QEMU: begun, gone on with, interrupted and seen to its end."""

import hashlib
import json
import os
import signal
from pathlib import Path

import pytest

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
    assert point["commands"][-1]["arguments"]["properties"] == {"completion-mode": "grouped"}
    for disk in disks:
        image = place / point["images"][disk.name]["file"]
        assert await restored(image, tmp_path) == bytes(disk.content)
    listed = await blockdeck("chain", "list", place)
    assert listed.status == 0, listed.err
    assert "full" in listed.out
    assert "incremental  1   complete" in listed.out
    assert (await blockdeck("chain", "list", place, "--json")).json["id"] == told["id"]
    about = await blockdeck("chain", "list", place, "--point", "2")
    assert about.status == 0, about.err
    assert f"bitmap     blockdeck-{told['id']}-2, kept in the disk's image of n0, n1" in about.out
    assert "asked for  no speed limit" in about.out
    assert f"SHA-256  {point['images']['n1']['sha256']}" in about.out
    *_, commands = about.out.partition("\ncommands\n")
    assert [json.loads(line) for line in commands.splitlines()] == point["commands"]
    as_json = (await blockdeck("chain", "list", place, "--point", "2", "--json")).json
    assert (as_json["type"], as_json["commands"]) == ("point", point["commands"])
    assert (await blockdeck("chain", "list", place, "--point", "3")).status == 1


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
        (("start", vm.monitor, tmp_path / "nowhere", "--speed", "50M"), "50M = 50.0 MiB/s, "),
        (("next", vm.monitor, tmp_path), "has no chain"),
        (("list", tmp_path / "nowhere"), "is no directory"),
    ):
        done = await blockdeck("chain", *words)
        assert done.status in (1, 2)
        assert told in done.err
    assert list(tmp_path.glob("*.json")) == []


async def made(qemu: QemuStarter, tmp_path: Path) -> tuple[Path, list[Path]]:
    """A directory with a chain of two points of one disk, and its images."""
    disk = MirroredDisk.make(tmp_path, "n0", "raw")
    vm = await qemu(*disk.options)
    place = tmp_path / "backups"
    place.mkdir()
    for act in ("start", "next"):
        await disk.write(vm, 0, STEP, 7)
        done = await blockdeck("chain", act, vm.monitor, place)
        assert done.status == 0, done.err
    await vm.kill()
    return place, sorted(place.glob("*.qcow2"))


async def test_the_list_tells_what_is_lost(qemu: QemuStarter, tmp_path: Path) -> None:
    place, (first, second) = await made(qemu, tmp_path)
    data = first.read_bytes()
    first.unlink()
    listed = await blockdeck("chain", "list", place)
    assert listed.status == 1
    rows = [line.split() for line in listed.out.splitlines() if line[:1].isdigit()]
    assert [row[1:4] for row in rows] == [
        ["full", "-", "DAMAGED"],
        ["incremental", "1", "BROKEN"],
    ]
    assert f"  point 1: {first.name} is missing\n" in listed.out
    told = await blockdeck("chain", "list", place, "--json")
    assert told.status == 1
    assert [point["restorable"] for point in told.json["points"]] == [False, False]
    assert told.json["points"][0]["problems"] == [f"{first.name} is missing"]

    first.write_bytes(data)
    second.unlink()
    listed = await blockdeck("chain", "list", place)
    assert (listed.status, "complete" in listed.out) == (1, True)
    assert "DAMAGED" in listed.out


async def test_without_a_manifest_the_images_are_listed_and_verified(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    place, (first, second) = await made(qemu, tmp_path)
    (manifest,) = place.glob("*.json")
    text = manifest.read_text()
    manifest.unlink()
    listed = await blockdeck("chain", "list", place)
    assert listed.status == 0, listed.err
    assert f"no manifest tells of {second.name}:\n  {first.name}, " in listed.out
    told = (await blockdeck("chain", "list", place, "--json")).json
    assert (told["type"], told["restorable"]) == ("stack", True)
    assert told["images"] == [first.name, second.name]
    verified = await blockdeck("verify", place)
    assert verified.status == 0, verified.err
    assert f"{second.name}, without a manifest: WHOLE" in verified.out
    assert "looked at 2 images" in verified.out
    as_json = (await blockdeck("verify", place, "--json")).lines[-1]
    assert (as_json["type"], as_json["ok"], len(as_json["images"])) == ("stack", True, 2)

    manifest.write_text("{")
    bad = await blockdeck("chain", "list", place)
    assert (bad.status, first.name in bad.out) == (1, True)
    assert manifest.name in bad.err
    assert "without a manifest: WHOLE" in (await blockdeck("verify", place)).out
    manifest.unlink()

    # Its tables of clusters lie behind the end that it has then.
    os.truncate(second, 200_000)
    harmed = await blockdeck("verify", place)
    assert (harmed.status, "NOT WHOLE" in harmed.out) == (1, True)
    assert f"damaged   {second.name} " in harmed.out
    first.unlink()
    lost = await blockdeck("verify", place)
    assert lost.status == 1
    assert f"lost      {second.name} cannot be restored: {first}: No such file" in lost.out
    listed = await blockdeck("chain", "list", place)
    assert listed.status == 1
    assert "MISSING" in listed.out
    manifest.write_text(text)
    assert (await blockdeck("chain", "list", place)).status == 1


async def test_a_chain_goes_on_after_a_prune_and_is_restored(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    disks = [MirroredDisk.make(tmp_path, f"n{i}", fmt) for i, fmt in enumerate(("raw", "qcow2"))]
    vm = await qemu(*disks[0].options, *disks[1].options)
    place = tmp_path / "backups"
    place.mkdir()
    moments = {}

    async def point(*words: str, number: int) -> None:
        for disk in disks:
            # Some of what was written before is written over, some stays.
            await disk.write(vm, number * STEP, 4 * STEP, 10 * number)
        moments[number] = {disk.name: bytes(disk.content) for disk in disks}
        done = await blockdeck("chain", *words, vm.monitor, place)
        assert done.status == 0, done.err
        assert f"point {number} of chain" in done.out

    await point("start", number=1)
    await point("next", number=2)
    await point("next", number=3)
    pruned = await blockdeck("prune", place, "--keep-last", "1", "--yes")
    assert pruned.status == 0, pruned.err
    await point("next", number=4)
    await point("next", number=5)
    listed = (await blockdeck("chain", "list", place, "--json")).json
    assert [(p["serial"], p["kind"], p["restorable"]) for p in listed["points"]] == [
        (3, "full", True),
        (4, "incremental", True),
        (5, "incremental", True),
    ]
    verified = await blockdeck("verify", place, "--source", vm.monitor)
    assert verified.status == 0, verified.err
    assert verified.out.count("IDENTICAL") == 2
    for number in (3, 4, 5):
        for disk in disks:
            target = tmp_path / f"{disk.name}-{number}.raw"
            words = ("--point", number, "--disk", disk.name, "--format", "raw")
            done = await blockdeck("restore", place, target, *words)
            assert done.status == 0, done.err
            assert target.read_bytes() == moments[number][disk.name], (number, disk.name)


async def test_a_disk_that_is_busy_is_not_left_out_unseen(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    disks = [MirroredDisk.make(tmp_path, f"n{i}", "raw") for i in range(2)]
    vm = await qemu(*disks[0].options, *disks[1].options)
    target = {"device": "n1", "target": str(tmp_path / "other.img"), "job-id": "theirs"}
    await disks[1].write(vm, 0, len(disks[1].content), 5)
    await vm.qmp("drive-backup", {**target, "sync": "full", "format": "raw", "speed": 1})
    place = tmp_path / "backups"
    place.mkdir()
    done = await blockdeck("chain", "start", vm.monitor, place)
    assert done.status == 1
    assert "not every disk can be backed up now: n1: busy with job theirs" in done.err
    assert "those named by --disk" in done.err
    assert list(place.iterdir()) == []
    one = await blockdeck("chain", "start", vm.monitor, place, "--disk", "n0")
    assert one.status == 0, one.err
    assert "n0: " in one.out


async def test_a_vm_without_a_disk_to_write_to_is_told_so(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu()
    done = await blockdeck("chain", "start", vm.monitor, tmp_path)
    assert done.status == 1
    assert "the VM has no disk that its guest can write to" in done.err


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("mode", ["grouped", "individual"])
async def test_a_point_that_runs_is_cancelled_whoever_began_it(
    qemu: QemuStarter, tmp_path: Path, watched: bool, mode: str
) -> None:
    disks = [MirroredDisk.make(tmp_path, f"n{i}", "raw") for i in range(2)]
    # QMP serves one client at a time, and the second BlockDeck is another one.
    third = tmp_path / "third.sock"
    monitor = ("-qmp", f"unix:{third},server=on,wait=off")
    vm = await qemu(*disks[0].options, *disks[1].options, *monitor)
    place = tmp_path / "backups"
    place.mkdir()
    assert (await blockdeck("chain", "start", vm.monitor, place)).status == 0
    before = sorted(place.iterdir())
    none = await blockdeck("chain", "cancel", vm.monitor, place, "--yes")
    assert none.status == 1
    assert "no point of chain" in none.err
    for disk in disks:
        await disk.write(vm, 0, len(disk.content), 5)
    words = ("--speed", "64KiB", "--json", "--completion-mode", mode)
    process = await start("chain", "next", third, place, *words)
    while json.loads(await next_line(process))["type"] != "progress":
        pass
    if not watched:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    asked = await blockdeck("chain", "cancel", vm.monitor, place)
    assert asked.status == 1
    assert "What was copied of point 2" in asked.out
    assert "nothing was cancelled" in asked.err
    assert len(await vm.qmp("query-block-jobs")) == 2
    in_json = ("--json",) if watched else ()
    done = await blockdeck("chain", "cancel", vm.monitor, place, "--yes", *in_json)
    assert done.status == 0, done.err
    if watched:
        assert (done.json["type"], done.json["point"]) == ("cancelled", 2)
        assert "What was copied of point 2" in done.err
    else:
        assert "is cancelled" in done.out
    if watched:
        assert (await finish(process)).status == 1
    assert sorted(place.iterdir()) == before
    assert (await blockdeck("chain", "next", vm.monitor, place)).status == 0
