"""Presets fill in other fields, where they are seen and can be changed."""

import json
from pathlib import Path

import pytest

from tests.cli.running import blockdeck
from tests.qemu import QemuStarter, Vm
from tests.ui.conftest import DeckOpener
from tests.ui.deck import open_form
from tests.waiting import until
from tests.worker.disks import drive, pattern


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with a raw disk."""
    return await qemu(*drive(pattern(tmp_path / "d.raw")))


async def test_fast_has_no_limits_and_copies_as_it_suits_the_format(
    vm: Vm, open_deck: DeckOpener
) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await form.fill_in("speed", "10M")
        await form.choose("preset", "fast")
        await until(lambda: "speed" not in form.preview["arguments"])
        schema = deck.worker.schema
        assert schema is not None
        tunable = any(argument.name == "x-perf" for argument in schema.arguments("drive-backup"))
        small = {"max-chunk": 256 << 10} if tunable else None
        assert form.preview["arguments"].get("x-perf") == small
        # Of an image that is there the clusters may be larger than that.
        await form.choose("mode", "existing")
        await until(lambda: "x-perf" not in form.preview["arguments"])
        await form.choose("mode", "absolute-paths")
        await until(lambda: form.preview["arguments"].get("x-perf") == small)
        await form.choose("format", "raw")
        by_kernel = {"use-copy-range": True} if tunable else None
        await until(lambda: form.preview["arguments"].get("x-perf") == by_kernel)
        await form.is_ready()
        assert form.text("preset") == "fast"
        # Who wants something else has no preset any more, and keeps what was filled in.
        await form.fill_in("speed", "20M")
        await until(lambda: form.preview["arguments"].get("speed") == 20 << 20)
        await until(lambda: form.text("preset") != "fast")
        await deck.press("f2")
        await deck.sees("succeeded: all of it was copied")


async def test_gentle_goes_easy_and_cancels_before_the_target_is_full(
    vm: Vm, open_deck: DeckOpener
) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await form.choose("preset", "gentle")
        await until(lambda: form.text("easy") == "2x")
        assert form.text("when-full") == "cancel"
        await form.is_ready()
        await deck.press("f2")
        await deck.sees("succeeded: all of it was copied")
        (job,) = deck.vm.jobs
        assert job.command is not None
        assert '"x-perf"' not in (told := json.dumps(job.command)) or '"max-workers": 1' in told


async def test_the_command_line_has_them_too(vm: Vm, tmp_path: Path) -> None:
    words = ("backup", vm.monitor, "device=d0", "--json")
    done = await blockdeck(*words, f"target={tmp_path}/a.raw", "format=raw", "--preset", "fast")
    assert done.status == 0, done.err
    arguments = done.lines[0]["command"]["arguments"]
    assert arguments.get("x-perf", {"use-copy-range": True}) == {"use-copy-range": True}
    done = await blockdeck(*words, f"target={tmp_path}/b.qcow2", "--preset", "gentle", "--no-wait")
    assert done.status == 2
    assert "--preset gentle" in done.err


async def test_the_target_is_written_to_past_the_page_cache(vm: Vm, open_deck: DeckOpener) -> None:
    async with open_deck(vm, (80, 24)) as deck:
        form = await open_form(deck, "d0")
        await deck.press("f3")
        await form.choose("way", "drive-backup")
        await form.choose("target-io", "direct")
        await form.says("target-io", "choose blockdev-backup for another")
        await form.is_off("Target I/O")
        await form.choose("way", "blockdev-backup")
        await form.is_ready()
        assert '"direct": true' in deck.line("preview-text")
        # It was not found to be fast, so the preset has it through the cache again.
        await form.choose("preset", "fast")
        await until(lambda: '"direct"' not in deck.line("preview-text"))
        await form.choose("target-io", "direct")
        await until(lambda: form.text("preset") != "fast")
        await form.is_ready()
        await deck.press("f2")
        await deck.sees("succeeded: all of it was copied")
