"""Every kind of terminal an operator may come with."""

from typing import Any

import pytest

from tests.journeys.conftest import TerminalOpener
from tests.journeys.steps import BLOCKDECK, open_form
from tests.qemu import Vm

pytestmark = pytest.mark.slow

COLOUR = "\x1b[38;"


@pytest.mark.parametrize("term", ["xterm-256color", "screen-256color", "tmux-256color", "linux"])
async def test_the_form_opens_and_closes_in(vm: Vm, terminal: TerminalOpener, term: str) -> None:
    there = terminal(80, 24, term=term)
    there.run(*BLOCKDECK, vm.monitor)
    await open_form(there)
    there.press("Escape")
    await there.sees("Write/s", "1 Disks")
    there.press("q")
    assert await there.exit_status() == 0
    assert not there.alternate


async def test_without_colour_the_words_remain(vm: Vm, terminal: TerminalOpener) -> None:
    there = terminal(80, 24, env={"NO_COLOR": "1"})
    there.run(*BLOCKDECK, vm.monitor)
    await there.sees("drive0", "ready", "prelaunch")
    shades = {code for code in there.coloured_screen.split("\x1b[") if code.startswith("38;2;")}
    colours = {tuple(code.split("m")[0].split(";")[2:5]) for code in shades}
    assert all(len(set(colour)) == 1 for colour in colours), colours
    there.press("q")
    assert await there.exit_status() == 0


async def test_without_unicode_every_screen_is_ascii(vm: Vm, terminal: TerminalOpener) -> None:
    # The one of all the variables that Python itself tries to mend.
    there = terminal(80, 24, env={"LC_ALL": "", "LC_CTYPE": "", "LANG": "C"})
    there.run(*BLOCKDECK, vm.monitor)
    seen = [await there.sees("drive0", "ready", "1 Disks")]
    await open_form(there)
    seen.append(there.screen)
    there.press("F3")
    seen.append(await there.sees("F2 starts the backup"))
    there.press("Escape")
    await there.sees("Write/s")
    there.press("2")
    seen.append(await there.sees("No jobs."))
    there.press("?")
    seen.append(await there.sees("Everywhere"))
    there.press("Escape")
    await there.sees_no_more("Everywhere")
    there.press("3")
    seen.append(await there.sees("No events yet"))
    assert all(screen.isascii() for screen in seen), seen
    there.press("q")
    assert await there.exit_status() == 0


@pytest.mark.parametrize(
    ("words", "options", "told"),
    [
        (BLOCKDECK, {"env": {"TERM": "dumb"}}, "(TERM='dumb') cannot show a screen"),
        (BLOCKDECK, {"env": {"TERM": "nonsense"}}, "(TERM='nonsense') cannot show a screen"),
        (("sh", "-c", '"$@" </dev/null', "sh", *BLOCKDECK), {}, "input is not a terminal"),
        (("sh", "-c", '"$@" 2>&1 | cat', "sh", *BLOCKDECK), {}, "error is not a terminal"),
    ],
    ids=["dumb", "unknown", "no input", "no output"],
)
async def test_where_there_is_no_screen_one_line_says_what_to_use(
    terminal: TerminalOpener, words: tuple[str, ...], options: dict[str, Any], told: str
) -> None:
    there = terminal(200, 24, **options)
    there.run(*words)
    await there.exit_status()
    screen = await there.sees(told, "use blockdeck devices, jobs, check or backup")
    assert len(screen.strip().splitlines()) == 1
