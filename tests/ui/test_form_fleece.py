"""Fleecing from the form: where it is, what is wrong with it, and that nothing of it stays."""

from pathlib import Path

import pytest

from tests.fleecing import fleecing_vm
from tests.qemu import QemuStarter, Vm, qemu_img
from tests.ui.conftest import DeckOpener
from tests.ui.deck import open_form
from tests.waiting import until


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A running VM with a raw disk at a device."""
    return await fleecing_vm(qemu, tmp_path)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_fill_in_a_directory_and_start(
    vm: Vm, open_deck: DeckOpener, tmp_path: Path, size: tuple[int, int]
) -> None:
    fast = tmp_path / "fast"
    fast.mkdir()
    target = open_deck.backups / "mine.qcow2"
    async with open_deck(vm, size) as deck:
        form = await open_form(deck, "d0")
        await form.fill_in("target", str(target))
        await form.choose("format", "qcow2")
        await deck.press("f3")
        await form.fill_in("fleece", str(fast / "not"))
        await form.says("fleece", "drive-backup reads the disk itself")
        await form.choose("way", "blockdev-backup")
        await form.says("fleece", "is not a directory")
        await form.is_off("Fleece")
        await form.fill_in("fleece", str(fast))
        await form.is_ready()
        await until(lambda: "snapshot-access" in deck.line("preview-text"))
        await deck.press("f2")
        await deck.sees("succeeded: all of it was copied")
    assert list(fast.iterdir()) == []
    qemu_img("compare", "-f", "raw", "-F", "qcow2", tmp_path / "d.raw", target)
    names = [node["node-name"] for node in await vm.qmp("query-named-block-nodes")]
    assert not any(name.startswith("blockdeck-") for name in names)


async def test_quitting_says_that_the_filter_stays(
    vm: Vm, open_deck: DeckOpener, tmp_path: Path
) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await deck.press("f3")
        await form.choose("way", "blockdev-backup")
        await form.fill_in("fleece", str(tmp_path))
        await form.fill_in("speed", "64KiB")
        await form.is_ready()
        await deck.press("f2")
        await deck.sees("started by us", "Pause")
        await deck.press("q")
        await deck.sees("Quit while jobs are running?", "the filter of its fleecing on the disk")


async def test_a_form_that_is_asked_for_too_soon_opens_when_qemu_has_told(
    vm: Vm, open_deck: DeckOpener
) -> None:
    async with open_deck(vm) as deck:
        await deck.sees("d0", "ready")
        schema = await until(lambda: deck.worker.schema)
        # A slow line, on which the longest of all replies is still under way.
        deck.worker.schema = None
        await deck.press("b")
        await deck.is_told("QEMU is telling what it can do")
        assert not deck.app.screen.query("#backup-form")
        deck.worker.schema = schema
        await vm.qmp("stop")
        await deck.sees("Back up d0", "Ready. F2 starts the backup.")
