"""Disks are listed as they are, whatever a backup puts on top of them."""

import asyncio
from pathlib import Path

import pytest

from tests.qemu import PC, QemuStarter, Vm
from tests.vm.listing import (
    MIB,
    blockdev,
    device,
    drive,
    image,
    listing,
    medium,
    stats,
)
from tui.vm.guest_io import GuestIo
from tui.vm.inventory import Inventory
from tui.vm.stats import sample_stats

ANON = "/machine/peripheral-anon/device[0]/virtio-backend"


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """Disks of every kind."""
    base = image(tmp_path / "base.qcow2")
    middle = image(tmp_path / "middle.qcow2", backing=base)
    top = image(tmp_path / "top.qcow2", backing=middle)
    return await qemu(
        *PC,
        *drive(top, "d0", more=",bps=1000000"),
        *("-device", "virtio-blk,drive=d0,id=disk0"),
        *blockdev(image(tmp_path / "n.qcow2"), "n0"),
        *("-device", "virtio-blk,drive=n0"),
        *("-drive", "if=none,id=cd0,media=cdrom", "-device", "ide-cd,drive=cd0,id=cd"),
        *drive(image(tmp_path / "l.raw", fmt="raw"), "loose", "raw", ",readonly=on"),
        *blockdev(image(tmp_path / "u.qcow2", backing=base), "u0"),
    )


async def back_up(vm: Vm, name: str, **more: object) -> None:
    """A backup that goes on until it is cancelled."""
    target = str(vm.directory / f"{name}.backup")
    arguments = {"job-id": f"j-{name}", "device": name, "target": target, "format": "qcow2"}
    await vm.qmp("drive-backup", {**arguments, "sync": "none", **more})


# --- at rest ------------------------------------------------------------------------------------


async def test_every_disk_is_listed_by_the_name_it_answers_to(vm: Vm) -> None:
    inventory = await listing(vm)
    assert [(d.key, d.title, d.attached, d.backup_name) for d in inventory.devices] == [
        ("d0", "d0", True, "d0"),
        ("cd0", "cd0", True, None),
        ("loose", "loose", False, "loose"),
        (ANON, "n0", True, "n0"),
        ("u0", "u0", False, "u0"),
    ]
    assert [d.obstacle for d in inventory.devices] == [None, "no medium", None, None, None]


async def test_a_disk_shows_its_chain_limits_and_flags(vm: Vm) -> None:
    inventory = await listing(vm)
    disk = medium(inventory, "d0")
    assert [Path(i.filename).name for i in disk.chain] == [
        "top.qcow2",
        "middle.qcow2",
        "base.qcow2",
    ]
    assert (disk.driver, disk.backing_depth, disk.limits.bps) == ("qcow2", 2, 1_000_000)
    assert (disk.virtual_size, disk.read_only) == (MIB, False)
    assert medium(inventory, "loose").read_only
    assert device(inventory, "cd0").removable


async def test_an_unattached_node_has_a_chain_too(vm: Vm) -> None:
    disk = medium(await listing(vm), "u0")
    assert [Path(i.filename).name for i in disk.chain] == ["u.qcow2", "base.qcow2"]
    assert disk.backing_depth == 1


async def test_nodes_below_others_are_no_disks_but_known_nodes(vm: Vm) -> None:
    names = {node.name for node in (await listing(vm)).nodes}
    assert {"n0", "n0-file", "u0", "u0-file"} <= names


async def test_a_temporary_snapshot_is_told(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*drive(image(tmp_path / "s.qcow2"), "d0", more=",snapshot=on"))
    disk = device(await listing(vm), "d0")
    assert disk.medium is not None
    assert disk.medium.temporary_snapshot
    # blockdev-backup can do it.
    assert disk.obstacle is None


async def test_throughput_is_what_happened_between_two_looks(vm: Vm) -> None:
    inventory = await listing(vm)
    disk, unused = device(inventory, "d0"), device(inventory, "u0")
    io = GuestIo()
    io.add(sample_stats(await stats(vm), 10.0), {})
    assert io.of(disk).throughput is None
    assert io.first_rate_at == 11.0
    # `write` is not counted by QEMU, `aio_write` is.
    await vm.qmp("human-monitor-command", command_line='qemu-io d0 "aio_write -q 0 64k"')
    await vm.qmp("human-monitor-command", command_line='qemu-io d0 "aio_flush"')
    io.add(sample_stats(await stats(vm), 12.0), {})
    rates = io.of(disk).throughput
    assert rates is not None
    assert (rates.read, rates.write) == (0.0, 32768.0)
    assert io.of(unused).throughput is None
    assert io.first_rate_at is None
    io.interrupt()
    assert io.of(disk).throughput is None


# --- while a job runs ---------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "name"), [("d0", "d0"), (ANON, "n0"), ("u0", "u0")])
async def test_a_backup_hides_nothing_of_its_disk(vm: Vm, key: str, name: str) -> None:
    await vm.qmp("block-dirty-bitmap-add", node=name, name="bm")
    before = await listing(vm)
    await back_up(vm, name)
    during = await listing(vm, before)
    assert [d.key for d in during.devices] == [d.key for d in before.devices]
    disk, was = medium(during, key), medium(before, key)
    assert [bitmap.name for bitmap in disk.bitmaps] == ["bm"]
    assert (disk.node_name, disk.driver, disk.filename, disk.backing_file, disk.backing_depth) == (
        (was.node_name, was.driver, was.filename, was.backing_file, was.backing_depth)
    )
    assert [i.filename for i in disk.chain] == [i.filename for i in was.chain]
    assert device(during, key).busy_with == "copy-before-write"
    assert device(during, key).obstacle == f"busy with job j-{name}"
    await vm.qmp("block-job-cancel", device=f"j-{name}")
    assert await listing(vm, during) == before


@pytest.mark.parametrize(("key", "name"), [("d0", "d0"), (ANON, "n0"), ("u0", "u0")])
async def test_a_disk_found_under_a_backup_is_seen_through(vm: Vm, key: str, name: str) -> None:
    await vm.qmp("block-dirty-bitmap-add", node=name, name="bm")
    before = await listing(vm)
    await back_up(vm, name)
    assert medium(await listing(vm), key).bitmaps[0].name == "bm"
    assert medium(await listing(vm), key).node_name == medium(before, key).node_name


async def test_jobs_are_mapped_to_their_disks_and_targets(vm: Vm) -> None:
    for name in ("d0", "n0", "u0"):
        await back_up(vm, name, **{"filter-node-name": f"filter-{name}"})
    inventory = await listing(vm)
    assert inventory.job_devices == {"j-d0": "d0", "j-n0": ANON, "j-u0": "u0"}
    assert inventory.job_targets["j-d0"] == str(vm.directory / "d0.backup")
    assert device(inventory, "d0").jobs == ("j-d0",)


async def test_the_target_of_a_backup_stays_a_disk_of_its_own(vm: Vm) -> None:
    await vm.qmp("blockdev-add", driver="null-co", node_name="target", size=MIB)
    await vm.qmp("blockdev-backup", job_id="j", device="d0", target="target", sync="none")
    inventory = await listing(vm)
    assert inventory.job_devices == {"j": "d0"}
    assert device(inventory, "target").busy_with is None


@pytest.mark.parametrize("filter_name", [None, "mirror-filter"])
async def test_a_disk_under_another_kind_of_job_is_busy_too(
    vm: Vm, filter_name: str | None
) -> None:
    named = {} if filter_name is None else {"filter-node-name": filter_name}
    before = await listing(vm)
    await vm.qmp("blockdev-add", driver="null-co", node_name="copy", size=MIB)
    await vm.qmp("blockdev-mirror", named, job_id="j", device="d0", sync="full", target="copy")
    during = await listing(vm, before)
    assert device(during, "d0").obstacle == "busy with job j"
    assert medium(during, "d0").node_name == medium(before, "d0").node_name


async def test_an_operator_s_own_filter_is_no_job(vm: Vm) -> None:
    await vm.qmp("blockdev-add", driver="null-co", node_name="scratch", size=MIB)
    await vm.qmp(
        "blockdev-add", driver="copy-before-write", node_name="cbw", file="u0", target="scratch"
    )
    inventory = await listing(vm)
    assert {d.key: d.obstacle for d in inventory.devices if not d.device and d.qdev is None} == {
        "cbw": None
    }


# --- where the named nodes must not be asked for ------------------------------------------------


async def test_what_is_not_asked_for_is_remembered(vm: Vm) -> None:
    await vm.qmp("block-dirty-bitmap-add", node="d0", name="bm")
    before = await listing(vm)
    await asyncio.gather(back_up(vm, "d0"), back_up(vm, "u0"))
    during = await listing(vm, before, named=False)
    assert medium(during, "d0") == medium(before, "d0")
    assert medium(during, "u0") == medium(before, "u0")
    assert [d.obstacle for d in during.devices if d.jobs] == [
        "busy with job j-d0",
        "busy with job j-u0",
    ]
    assert during.nodes == before.nodes


async def test_what_was_never_asked_for_is_told_as_far_as_it_shows(vm: Vm) -> None:
    before = await listing(vm)
    await back_up(vm, "d0")
    during = await listing(vm, named=False)
    disk, was = medium(during, "d0"), medium(before, "d0")
    assert (disk.node_name, disk.driver, disk.filename) == (was.node_name, was.driver, was.filename)
    assert (disk.backing_depth, disk.bitmaps) == (2, ())
    assert [i.filename for i in disk.chain] == [i.filename for i in was.chain]
    assert Inventory().devices == ()
