"""What QEMU alone refuses is told in the form when the typing has stopped."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import QemuStarter, Vm
from tests.ui.conftest import DeckOpener
from tests.ui.deck import nothing_in_mind, open_form
from tests.waiting import until


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with one disk; QEMU writes down every command it is given."""
    disk = tmp_path / "disk.raw"
    disk.write_bytes(bytes(1 << 20))
    drive = ("-drive", f"if=none,id=d0,format=raw,file={disk}")
    return await qemu(*drive, "-trace", "handle_qmp_command")


def dry_runs(vm: Vm) -> list[dict[str, Any]]:
    """The arguments of the dry runs that QEMU was given, as it traced them."""
    log = (vm.directory / "qemu.log").read_text()
    commands = [json.loads(text) for text in re.findall(r"handle_qmp_command .*? req: (.*)", log)]
    asked = [command for command in commands if command.get("execute") == "transaction"]
    return [command["arguments"]["actions"][0]["data"] for command in asked]


async def test_what_qemu_alone_knows_stands_at_its_field_after_one_question(
    vm: Vm, open_deck: DeckOpener
) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await until(lambda: len(dry_runs(vm)) == 1)
        # QEMU tells nobody of a new node, and the list of nodes is a minute old at times.
        await vm.qmp("blockdev-add", driver="null-co", node_name="copy-here")
        await deck.press("f3")
        await form.go_to("filter-node-name")
        await deck.press(*"copy-here")
        await form.is_ready()
        await form.says("filter-node-name", "copy-here")
        await nothing_in_mind(deck)
        assert form.status == "QEMU refused; change something and try again."
        assert form.text("filter-node-name") == "copy-here"
        first, *others = dry_runs(vm)
        assert "filter-node-name" not in first
        assert others[-1]["filter-node-name"] == "copy-here"
        # On a busy machine the keys come in slowly, too.
        assert len(others) < len("copy-here") / 2, "asked when the typing had stopped"

        await deck.press("2")
        await form.is_ready()
        await until(lambda: len(dry_runs(vm)) == len(others) + 2)
        await nothing_in_mind(deck)
        await form.is_ready()
        assert "copy-here" not in form.under("filter-node-name")


async def test_nothing_is_asked_while_the_rules_refuse(vm: Vm, open_deck: DeckOpener) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await until(lambda: len(dry_runs(vm)) == 1)
        await form.fill_in("speed", "fast")
        await form.is_off("Speed")
        await nothing_in_mind(deck)
        assert len(dry_runs(vm)) == 1
        await form.fill_in("speed", "50M")
        # Under the field, and at the foot.
        await until(lambda: deck.screen.count("= 50.0 MiB/s, 52,428,800 bytes a second") == 2)
        await form.is_ready()
        await until(lambda: len(dry_runs(vm)) == 2)
        assert dry_runs(vm)[-1]["speed"] == 50 << 20
