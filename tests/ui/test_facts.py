"""Facts: a label and its value, which goes on under itself."""

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


def test_lines_that_fit_stay_as_they_are_with_their_styles() -> None:
    text = Content("\n").join([fact("state", Content.styled("running", "bold")), fact("", "x")])
    hung = hanging(text, 80)
    assert hung.plain == text.plain
    assert [(span.start, span.end, span.style) for span in hung.spans] == [
        (span.start, span.end, span.style) for span in text.spans
    ]


def test_labels_of_a_report_are_quiet() -> None:
    told = labelled("outcome    SUCCEEDED\njob        one\n  auto-dismiss false\n")
    assert told.plain == "outcome    SUCCEEDED\njob        one\n  auto-dismiss false"
    quiet = {told.plain[span.start : span.end].strip() for span in told.spans}
    assert quiet == {"outcome", "job", "auto-dismiss"}


async def test_a_detail_follows_the_width_of_the_terminal(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu("-blockdev", "null-co,node-name=disk0,read-zeroes=on,size=1048576")
    async with open_deck(vm, (80, 24)) as deck:
        await deck.sees(f"\n {' ' * LABEL}null-co, 0 B")
        await deck.resize(120, 40)
        await deck.sees("1048576}  null-co, 0 B")
