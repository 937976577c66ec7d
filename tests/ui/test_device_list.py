"""The list of disks: filtered, sorted, and steady under the cursor."""

from pathlib import Path

import pytest

from tests.qemu import QemuStarter, Vm, qemu_img
from tests.ui.conftest import DeckOpener
from tests.ui.deck import WIDE
from tests.waiting import until

MIB = 1 << 20


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with three disks that sort differently by everything."""
    options = []
    for name, fmt, size in (("zeta", "qcow2", "8M"), ("alpha", "raw", "32M"), ("mid", "raw", "1M")):
        path = tmp_path / f"{name}.img"
        qemu_img("create", "-q", "-f", fmt, path, size)
        options += ["-drive", f"if=none,id={name},format={fmt},file={path}"]
    return await qemu(*options)


async def test_s_goes_through_the_orders(vm: Vm, open_deck: DeckOpener) -> None:
    await vm.write("mid", 0, MIB, 1)
    async with open_deck(vm) as deck:
        await deck.sees("zeta")
        assert deck.column("Device") == ["zeta", "alpha", "mid"]
        for order, names in (
            ("name", ["alpha", "mid", "zeta"]),
            ("size", ["alpha", "zeta", "mid"]),
            ("allocated", ["mid", "zeta", "alpha"]),
        ):
            await deck.press("s")
            await deck.is_told(f"Sorted by {order}")
            assert deck.column("Device") == names
            assert deck.highlighted == "zeta", "the cursor stays on its disk"
        await deck.press("s")
        await deck.is_told("Sorted by writes")
        await deck.press("s")
        await deck.is_told("As QEMU lists")
        assert deck.column("Device") == ["zeta", "alpha", "mid"]


async def test_the_filter_takes_words_and_escape_takes_it_away(
    vm: Vm, open_deck: DeckOpener
) -> None:
    async with open_deck(vm) as deck:
        await deck.sees("zeta")
        await deck.press("slash", *"raw")
        assert deck.column("Device") == ["alpha", "mid"]
        await deck.press("space", *"mid")
        assert deck.column("Device") == ["mid"]
        # Enter goes back to the list and keeps the filter; the highlighted disk is the one seen.
        await deck.press("enter")
        assert deck.highlighted == "mid"
        assert "device=mid" in deck.detail
        await deck.press("b")
        await deck.sees("Back up mid")
        await deck.press("escape")
        await deck.sees("raw mid")
        assert deck.column("Device") == ["mid"]
        await deck.press("escape")
        assert deck.column("Device") == ["zeta", "alpha", "mid"]
        assert deck.highlighted == "mid"


async def test_letters_are_only_text_in_the_filter(vm: Vm, open_deck: DeckOpener) -> None:
    async with open_deck(vm) as deck:
        await deck.sees("zeta")
        await deck.press("slash", *"qrob123sx")
        await deck.sees("No disk matches 'qrob123sx'. Escape clears the filter.")
        assert deck.app.is_running
        await deck.press("escape")
        assert deck.column("Device") == ["zeta", "alpha", "mid"]


async def test_the_cursor_stays_on_its_disk_while_others_come_and_go(
    vm: Vm, open_deck: DeckOpener, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        qemu_img("create", "-q", "-f", "qcow2", tmp_path / name, "1M")
    async with open_deck(vm) as deck:
        await deck.press("s")
        await deck.go_to_row("mid")

        file = {"driver": "file", "filename": str(tmp_path / "one")}
        await vm.qmp("blockdev-add", {"driver": "qcow2", "node-name": "aaa-hot", "file": file})
        await deck.press("r")
        await until(lambda: deck.column("Device") == ["aaa-hot", "alpha", "mid", "zeta"])
        assert deck.highlighted == "mid"
        assert "device=mid" in deck.detail

        await vm.qmp("blockdev-del", {"node-name": "aaa-hot"})
        await deck.press("r")
        await until(lambda: deck.column("Device") == ["alpha", "mid", "zeta"])
        assert deck.highlighted == "mid"


async def test_a_disk_plugged_into_the_guest_appears_with_its_frontend(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await qemu("-machine", "q35,accel=tcg", "-m", "16", "-device", "pcie-root-port,id=port0")
    async with open_deck(vm, WIDE) as deck:
        await deck.sees("This VM has no block devices.")
        qemu_img("create", "-q", "-f", "qcow2", tmp_path / "hot", "1M")
        file = {"driver": "file", "filename": str(tmp_path / "hot")}
        await vm.qmp("blockdev-add", {"driver": "qcow2", "node-name": "hot", "file": file})
        await vm.qmp("device_add", driver="virtio-blk-pci", drive="hot", id="vdh", bus="port0")
        await deck.press("r")
        await deck.sees("hot", "Frontend")
        assert deck.highlighted == "hot"
        assert deck.row("hot")["Frontend"] == "vdh"
        await deck.press("b")
        await deck.sees("Back up hot")
