"""`--fleece` from the command line: a backup, and a chain."""

import json
from pathlib import Path

import pytest

from tests.cli.running import blockdeck
from tests.fleecing import fleecing_vm
from tests.qemu import QemuStarter, Vm, qemu_img
from tests.worker.disks import MIB


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A running VM with a disk at a device."""
    return await fleecing_vm(qemu, tmp_path)


@pytest.fixture
def fast(tmp_path: Path) -> Path:
    """A directory on fast storage."""
    (tmp_path / "fast").mkdir()
    return tmp_path / "fast"


async def test_a_backup_is_made_and_nothing_stays_behind(
    vm: Vm, tmp_path: Path, fast: Path
) -> None:
    target = tmp_path / "t.qcow2"
    done = await blockdeck(
        "backup", vm.monitor, "device=d0", f"target={target}", "format=qcow2", "--fleece", fast
    )
    assert done.status == 0, done.err
    qemu_img("compare", "-f", "raw", "-F", "qcow2", tmp_path / "d.raw", target)
    assert list(fast.iterdir()) == []
    names = [node["node-name"] for node in await vm.qmp("query-named-block-nodes")]
    assert not any(name.startswith("blockdeck-") for name in names)


async def test_a_chain_goes_on_through_it(vm: Vm, tmp_path: Path, fast: Path) -> None:
    place = tmp_path / "backups"
    place.mkdir()
    done = await blockdeck("chain", "start", vm.monitor, place, "--fleece", fast)
    assert done.status == 0, done.err
    await vm.write("d0", MIB, MIB, 0xB)
    done = await blockdeck("chain", "next", vm.monitor, place, "--fleece", fast)
    assert done.status == 0, done.err
    done = await blockdeck("restore", place, tmp_path / "r.raw", "--format", "raw", "--json")
    assert done.status == 0, done.err
    content = bytes([0xA]) * MIB + bytes([0xB]) * MIB + bytes([0xA]) * 2 * MIB
    assert (tmp_path / "r.raw").read_bytes() == content


async def test_what_is_wrong_with_it_is_said(vm: Vm, tmp_path: Path) -> None:
    words = ("device=d0", f"target={tmp_path}/t.qcow2", "sync=full")
    done = await blockdeck("check", vm.monitor, *words, "--fleece", "/nowhere/at/all", "--json")
    assert done.status == 1
    findings = json.loads(done.out)["findings"]
    assert ("F-PLACE", "fleece") in {(found["rule"], found["field"]) for found in findings}
    done = await blockdeck(
        "check", vm.monitor, *words, "--fleece", tmp_path, "--way", "drive-backup"
    )
    assert done.status == 1
    assert "fleecing needs blockdev-backup" in done.err
