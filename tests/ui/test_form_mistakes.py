"""What is wrong is said under its field, and keeps the backup from being started."""

import textwrap
from functools import partial
from pathlib import Path

import pytest
from textual import events
from textual.errors import NoWidget

from tests.qemu import QemuStarter, Vm, qemu_img
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck, Form, open_form
from tests.waiting import until
from tui.widgets.form_row import FormRow
from tui.widgets.line import Line

MIB = 1 << 20


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with a disk to back up and another one that a job works on."""
    qemu_img("create", "-q", "-f", "qcow2", tmp_path / "own.qcow2", "4M")
    qemu_img("create", "-q", "-f", "raw", tmp_path / "other.raw", "4M")
    vm = await qemu(
        *("-drive", f"if=none,id=d0,node-name=node0,format=qcow2,file={tmp_path / 'own.qcow2'}"),
        *("-drive", f"if=none,id=d1,format=raw,file={tmp_path / 'other.raw'}"),
    )
    await vm.write("d1", 0, 4 * MIB, 1)
    target = str(tmp_path / "others.qcow2")
    slow = {"device": "d1", "target": target, "sync": "full", "format": "qcow2", "speed": 65536}
    await vm.qmp("drive-backup", {**slow, "job-id": "taken"})
    return vm


async def is_refused(deck: Deck, form: Form, field: str, text: str, message: str) -> None:
    """One mistake: the message is under its field, Start is off, and F2 only leads there."""
    good = form.text(field)
    await form.fill_in(field, text)
    await form.says(field, message)
    label = {"job-id": "Job id", "filter-node-name": "Filter node name"}.get(field)
    await form.is_off(label or field.removeprefix("x-perf.").replace("-", " ").capitalize())
    await deck.sees(message[:40])
    await deck.press("f2")
    assert form.focused == field
    assert form.text(field) == text, "nothing that was typed is lost"
    await form.fill_in(field, good)
    await form.is_ready()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_a_mistake_is_told_once_and_in_full_where_it_is_typed(
    vm: Vm, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    async with open_deck(vm, size) as deck:
        form = await open_form(deck, "d0")
        await form.is_ready()
        await form.fill_in("target", "relative.qcow2")
        await form.is_off("Target")
        words = await deck.sees("path must be absolute", "working directory.")
        assert words.count("path must be absolute") == 1
        assert deck.line("form-message").startswith("The absolute path")
        # Who is elsewhere is told what it is, also where the field is out of sight.
        await form.go_to("speed")
        await until(lambda: "path must be absolute" in deck.line("form-message"))


@pytest.mark.parametrize("size", [(40, 12), (80, 24)], ids=str)
async def test_a_mistake_is_in_view_where_it_is_typed_and_where_one_tries_to_start(
    vm: Vm, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    async with open_deck(vm, size) as deck:
        form = await open_form(deck, "d0")
        await form.is_ready()
        for field, text, message in (
            ("easy", "x", "as 2x"),
            ("target", "relative.qcow2", "must be absolute"),
        ):
            await form.fill_in(field, text)
            await form.says(field, message)
            await until(partial(is_all_in_view, deck, field))
        await form.fill_in("target", str(open_deck.backups / "a.qcow2"))
        await form.is_off("Go easy")
        await until(lambda: not is_all_in_view(deck, "easy"))
        await deck.press("f2")
        await until(lambda: form.focused == "easy")
        await until(lambda: is_all_in_view(deck, "easy"))
        await form.fill_in("easy", "")
        await form.is_ready()
        await deck.press("f3")
        await form.fill_in("job-id", "taken")
        await form.is_off("Job id")
        await form.go_to("target")
        await deck.press("f3")
        await until(lambda: "job-id" not in form.fields)
        await deck.press("f2")
        await until(lambda: form.focused == "job-id")
        await until(lambda: is_all_in_view(deck, "job-id"))


def is_all_in_view(deck: Deck, field: str) -> bool:
    """Whether a field's control can be seen, and all that is told below it."""
    (row,) = (row for row in deck.app.screen.query(FormRow) if row.field.name == field)
    try:
        places = [deck.app.screen.find_widget(w) for w in row.query("Input, Select, .form-hint")]
    except NoWidget:
        # It is there again, and not in a layout yet.
        return False
    hint = row.query_one(".form-hint", Line)
    lines = hint.content_size.width and len(textwrap.wrap(hint.text, hint.content_size.width))
    seen = all(p.region.area and p.clip.contains_region(p.region) for p in places)
    return seen and hint.content_size.height >= lines > 0


async def test_every_target_that_will_not_do_is_told(
    vm: Vm, open_deck: DeckOpener, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await form.is_ready()
        for text, message in (
            ("", "Fill in target"),
            ("relative.qcow2", "The target's path must be absolute"),
            ("/nowhere/a.qcow2", "The directory of '/nowhere/a.qcow2' does not exist"),
            (str(tmp_path / "file" / "a.qcow2"), "lies in what is no directory"),
            (str(open_deck.backups), "is a directory; name a file in it."),
            (str(tmp_path / "own.qcow2"), "is a file of this VM's own disks"),
            (str(tmp_path / "other.raw"), "is a file of this VM's own disks"),
        ):
            await is_refused(deck, form, "target", text, message)
    assert [job["id"] for job in await vm.qmp("query-jobs")] == ["taken"]


async def test_every_number_and_name_that_will_not_do_is_told(
    vm: Vm, open_deck: DeckOpener
) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await deck.press("f3")
        await form.is_ready()
        for field, text, message in (
            ("speed", "abc", "'abc' is no size."),
            ("speed", "-1", "The speed cannot be negative; 0 is no limit."),
            ("speed", "99999999999999999999", "speed must be a whole number that fits"),
            ("job-id", "1st", "A job id must begin with a letter"),
            ("job-id", "with space", "A job id must begin with a letter"),
            ("job-id", "taken", "The id 'taken' is taken by a backup job"),
            ("filter-node-name", "d1", "'d1' is the name of a device; choose another."),
            ("filter-node-name", "node0", "A node 'node0' exists already"),
            ("filter-node-name", "x" * 32, "A node name has at most 31 characters"),
            ("x-perf.max-workers", "0", "0 workers are not possible"),
            ("x-perf.max-workers", "many", "'many' is no whole number."),
            ("x-perf.max-chunk", "-1", "max-chunk cannot be negative"),
            ("x-perf.max-chunk", "4096", "max-chunk must be 0 or at least 65536"),
        ):
            await is_refused(deck, form, field, text, message)


async def test_start_leads_to_a_mistake_that_is_folded_away(vm: Vm, open_deck: DeckOpener) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await deck.press("f3")
        await form.fill_in("job-id", "1st")
        await deck.press("f3")
        await form.is_off("Job id")
        assert "job-id" not in form.fields
        await deck.press("f2")
        await until(lambda: form.focused == "job-id")
        await deck.sees("A job id must begin with a letter")


@pytest.mark.parametrize("field", ["job-id", "on-source-error"])
async def test_news_of_being_folded_that_comes_late_takes_no_focus(
    vm: Vm, open_deck: DeckOpener, field: str
) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        await deck.press("f3")
        await form.go_to(field)
        await deck.settle()
        control = deck.app.focused
        assert control is not None
        # As it is sent for F3, when F2 has unfolded the field and gone to it in the meantime.
        control.post_message(events.Hide())
        await deck.settle()
        assert form.focused == field
        await deck.press("f3")
        await until(lambda: form.focused != field)


async def test_the_keys_that_leave_a_list_are_only_text_in_the_form(
    vm: Vm, open_deck: DeckOpener
) -> None:
    async with open_deck(vm) as deck:
        form = await open_form(deck, "d0")
        before = form.text("target")
        await deck.press(*"qrobs123")
        assert form.text("target") == f"{before}qrobs123"
        await form.tab_to("format")
        await deck.press(*"qro123")
        assert form.focused == "format"
        assert form.text("format") == "qcow2"
        assert form.text("target") == f"{before}qrobs123"
        await deck.press("escape")
        await deck.sees("back up as device=d0")
