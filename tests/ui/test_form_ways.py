"""The switch of the form: the same fields carried out by `drive-backup` or `blockdev-backup`."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import QemuStarter, Vm, qemu_img
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck, open_form
from tests.waiting import until
from tests.worker.wire import Splitter

MIB = 1 << 20
STEPS = ("blockdev-create", "blockdev-add", "blockdev-backup", "drive-backup")


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with a disk full of a pattern, and one whose writes are thrown away; it is traced."""
    disk, kept = tmp_path / "disk.qcow2", tmp_path / "kept.qcow2"
    for image in (disk, kept):
        qemu_img("create", "-q", "-f", "qcow2", image, "4M")
    vm = await qemu(
        *("-drive", f"if=none,id=d0,format=qcow2,file={disk}"),
        *("-drive", f"if=none,id=passing,format=qcow2,file={kept},snapshot=on"),
        *("-trace", "handle_qmp_command"),
    )
    await vm.write("d0", 0, 4 * MIB, 0xA)
    # To be compared from outside, its tables must be on the disk.
    await vm.qmp("human-monitor-command", command_line='qemu-io d0 "flush"')
    return vm


def steps_given_to(vm: Vm) -> list[dict[str, Any]]:
    """The commands of a backup that QEMU was given, without those of dry runs."""
    log = (vm.directory / "qemu.log").read_text()
    commands = [json.loads(text) for text in re.findall(r"handle_qmp_command .*? req: (.*)", log)]
    steps = [command for command in commands if command.get("execute") in STEPS]
    real = [step for step in steps if step["arguments"].get("driver") != "null-co"]
    return [{key: step[key] for key in ("execute", "arguments")} for step in real]


def shown_in(deck: Deck) -> list[dict[str, Any]]:
    """The commands in the preview, read as QEMU would read them."""
    return Splitter().feed(deck.line("preview-text").encode())


async def node_names(vm: Vm) -> set[str]:
    return {node["node-name"] for node in await vm.qmp("query-named-block-nodes", flat=True)}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_switch_see_the_commands_start_and_nothing_is_left(
    vm: Vm, open_deck: DeckOpener, tmp_path: Path, size: tuple[int, int]
) -> None:
    before = await node_names(vm)
    target = open_deck.backups / "mine.qcow2"
    async with open_deck(vm, size) as deck:
        form = await open_form(deck, "d0")
        assert form.text("way") == "drive-backup"
        await form.fill_in("target", str(target))
        await form.fill_in("speed", "50MiB")
        await form.choose("way", "blockdev-backup")
        await until(lambda: len(shown_in(deck)) > 1)
        await form.is_ready()
        assert (form.text("target"), form.text("speed")) == (str(target), "50MiB")
        commands = shown_in(deck)
        assert deck.line("preview-title") == f"{len(commands)} commands"
        assert {command["execute"] for command in commands} == set(STEPS) - {"drive-backup"}
        job = commands[-1]["arguments"]
        assert commands[-1]["execute"] == "blockdev-backup"
        assert (job["device"], job["speed"]) == ("d0", 50 * MIB)
        assert job["target"] == commands[-2]["arguments"]["node-name"]
        await deck.press("f5")
        await until(lambda: deck.app.clipboard)
        assert [json.loads(line) for line in deck.app.clipboard.splitlines()] == commands

        await deck.press("f2")
        await deck.sees("succeeded")
        (ended,) = deck.vm.jobs
        assert (ended.id, ended.target) == (job["job-id"], str(target))
    assert steps_given_to(vm) == commands
    assert await vm.qmp("query-jobs") == []
    assert await node_names(vm) == before
    compared = qemu_img("compare", tmp_path / "disk.qcow2", target, "-U")
    assert "Images are identical." in compared


async def test_who_switches_back_starts_a_drive_backup(vm: Vm, open_deck: DeckOpener) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        typed = form.preview
        await form.choose("way", "blockdev-backup")
        await until(lambda: len(shown_in(deck)) > 1)
        await form.choose("way", "drive-backup")
        await until(lambda: deck.line("preview-title") == "Command")
        assert form.preview == typed
        await form.is_ready()
        await deck.press("f2")
        await deck.sees("succeeded: all of it was copied")
    assert steps_given_to(vm) == [typed]


async def test_a_disk_that_drive_backup_would_harm_begins_with_the_other_way(
    vm: Vm, open_deck: DeckOpener
) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "passing")
        assert form.text("way") == "blockdev-backup"
        assert "drive-backup deletes files" in form.under("way")
        await form.is_ready()
        await form.choose("way", "drive-backup")
        await form.is_off("How")
        assert "snapshot=on" in form.under("way")
        await deck.press("f2")
        assert form.focused == "way"
        await form.choose("way", "blockdev-backup")
        await form.is_ready()
        await deck.press("f2")
        await deck.sees("succeeded")
    assert "drive-backup" not in {step["execute"] for step in steps_given_to(vm)}


async def test_a_file_is_overwritten_only_with_consent_whatever_the_way(
    vm: Vm, open_deck: DeckOpener
) -> None:
    target = open_deck.backups / "precious.qcow2"
    target.write_text("precious")
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await form.choose("way", "blockdev-backup")
        await form.fill_in("target", str(target))
        await form.is_off("a box is to be ticked")
        await deck.press("f2", "space")
        await form.is_ready()
        assert target.read_text() == "precious"
        await form.choose("way", "drive-backup")
        await form.choose("way", "blockdev-backup")
        await form.is_ready()
        await deck.press("f2")
        await deck.sees("succeeded")
    assert target.stat().st_size > 4 * MIB


async def test_the_commands_are_read_to_their_end_by_keys(vm: Vm, open_deck: DeckOpener) -> None:
    async with open_deck(vm, (80, 24)) as deck:
        form = await open_form(deck, "d0")
        await form.choose("way", "blockdev-backup")
        await form.is_ready()
        await form.tab_to("preview-scroll")
        await deck.press("end")
        await deck.sees("each blockdev-create is a job")
