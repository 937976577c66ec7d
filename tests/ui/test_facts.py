"""Facts: a label and its value, which goes on under itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.content import Content

from tests.qemu import QemuStarter
from tests.ui.conftest import DeckOpener
from tui.widgets.facts import LABEL, fact, hanging, labelled, title


def test_a_value_goes_on_under_itself_and_nothing_of_it_is_lost() -> None:
    told = "full in 1 min 22 s at this rate; up to 2.0 GiB to come"
    path = "/a/path/without/any/blank/in/it/that/is/longer/than/a/line.qcow2"
    text = Content("\n").join([title("a-job"), fact("room", told), fact("", path), fact("io", "")])
    first, *lines = hanging(text, 40).plain.split("\n")
    assert first == "a-job"
    values = [line[LABEL:] for line in lines]
    assert lines[0].startswith("room ")
    assert all(len(line) <= 40 for line in lines)
    assert {line[:LABEL].strip() for line in lines} == {"room", "", "io"}
    assert "".join(values).replace(" ", "") == f"{told}{path}".replace(" ", "")


def test_a_path_that_is_longer_than_a_line_goes_on_after_a_slash() -> None:
    path = "/srv/backup/of-the-vm/disk0-20260131-120000.qcow2"
    told = hanging(fact("target", f"{path}  qcow2, 1 GiB"), LABEL + 32).plain.split("\n")
    assert [line[LABEL:] for line in told] == [
        "/srv/backup/of-the-vm/",
        "disk0-20260131-120000.qcow2",
        "qcow2, 1 GiB",
    ]


@pytest.mark.parametrize("size", ["32.3 MiB", "0 B", "7 ms", "12 s", "1023 KiB"])
@given(before=st.integers(0, 12), width=st.integers(12, 30))
def test_a_number_and_its_unit_stand_on_one_line(size: str, before: int, width: int) -> None:
    value = f"{'x' * before} {size} of them {size}"
    lines = hanging(fact("a", value), LABEL + width).plain.split("\n")
    assert sum(line.count(size) for line in lines) == 2
    assert all(len(line) <= LABEL + width for line in lines)


@given(
    words=st.lists(st.text("ab/漢é", min_size=1, max_size=30), min_size=1, max_size=8),
    width=st.integers(2, 40),
)
def test_no_line_is_too_long_and_nothing_is_lost_whatever_the_value(
    words: list[str], width: int
) -> None:
    value = " ".join(words)
    lines = hanging(fact("a", value), LABEL + width).plain.split("\n")
    assert all(cell_len(line) <= LABEL + width for line in lines)
    assert "".join(line[LABEL:] for line in lines).replace(" ", "") == value.replace(" ", "")


def test_lines_that_fit_stay_as_they_are_with_their_styles() -> None:
    text = Content("\n").join([fact("state", Content.styled("running", "bold")), fact("", "x")])
    hung = hanging(text, 80)
    assert hung.plain == text.plain
    assert [(span.start, span.end, span.style) for span in hung.spans] == [
        (span.start, span.end, span.style) for span in text.spans
    ]


def test_labels_of_a_report_are_quiet() -> None:
    told = labelled('outcome    SUCCEEDED\n  device    "one"\n  auto-dismiss false\n')
    assert told.plain == 'outcome    SUCCEEDED\n  device   "one"\n  auto-dismiss false'
    quiet = {told.plain[span.start : span.end].strip() for span in told.spans}
    assert quiet == {"outcome", "device", "auto-dismiss"}


async def test_a_detail_follows_the_width_of_the_terminal(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu("-blockdev", "null-co,node-name=disk0,read-zeroes=on,size=1048576")
    async with open_deck(vm, (80, 24)) as deck:
        await deck.sees(f"\n {' ' * LABEL}null-co, 0 B")
        await deck.resize(120, 40)
        await deck.sees("1048576}  null-co, 0 B")
