"""However BlockDeck is ended: quickly, and with the terminal as it was found."""

import signal
from collections.abc import Sequence

import pytest

from tests.line.conftest import LineOpener
from tests.line.terminal import A_SECOND, DEAF, HANG_UP_SECONDS, NO_TERMINAL, OWN_TERMINAL
from tests.qemu import Vm
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.slow

ENTERED = {b"\x1b[?1049h", b"\x1b[?25l", b"\x1b[?1000h", b"\x1b[?1003h", b"\x1b[?2004h"}
LEFT = {
    b"\x1b[?1049l": "the alternate screen",
    b"\x1b[?25h": "the hidden cursor",
    b"\x1b[?1000l": "mouse clicks",
    b"\x1b[?1003l": "mouse moves",
    b"\x1b[?1006l": "mouse coordinates",
    b"\x1b[?2004l": "bracketed paste",
    b"\x1b[?1004l": "focus reports",
    b"\x1b[<u": "keyboard reports",
}


def left_behind(sent: bytes | bytearray) -> list[str]:
    """What was turned on and is not off at the end."""
    ends = {end: sent.rfind(end) for end in LEFT}
    begins = {end: sent.rfind(end[:-1] + (b"l" if end == b"\x1b[?25h" else b"h")) for end in LEFT}
    return [LEFT[end] for end in LEFT if ends[end] < 0 or ends[end] < begins[end]]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
async def test_a_signal_restores_the_terminal(vm: Vm, line: LineOpener, number: int) -> None:
    there = line(vm.monitor)
    await there.shows("drive0")
    assert all(begun in there.sent for begun in ENTERED)
    assert there.attributes != there.attributes_before

    there.signal(number)
    assert await there.ended(A_SECOND) == 128 + number
    await until(lambda: left_behind(there.sent) == [])
    assert there.attributes == there.attributes_before
    assert there.blocks
    assert b"Traceback" not in there.sent


async def test_quitting_restores_the_terminal(vm: Vm, line: LineOpener) -> None:
    there = line(vm.monitor)
    await there.shows("drive0")
    there.press(b"q")
    assert await there.ended(PATIENCE) == 0
    await until(lambda: left_behind(there.sent) == [])
    assert there.attributes == there.attributes_before
    assert there.blocks


@pytest.mark.parametrize(
    "wrapped",
    [OWN_TERMINAL, (*OWN_TERMINAL, *DEAF), NO_TERMINAL, (*NO_TERMINAL, *DEAF)],
    ids=["SIGHUP", "SIGHUP ignored", "no SIGHUP", "neither"],
)
async def test_a_closed_terminal_ends_it(vm: Vm, line: LineOpener, wrapped: Sequence[str]) -> None:
    there = line(vm.monitor, wrapped=wrapped)
    await there.shows("drive0")
    there.hang_up()
    assert await there.ended(HANG_UP_SECONDS) in (1, 128 + signal.SIGHUP)


async def test_without_mouse_no_mouse_is_reported(vm: Vm, line: LineOpener) -> None:
    there = line("--no-mouse", vm.monitor)
    await there.shows("drive0")
    there.press(b"q")
    assert await there.ended(PATIENCE) == 0
    for mode in (b"?1000", b"?1002", b"?1003", b"?1006", b"?1015", b"?1016"):
        assert mode + b"h" not in there.sent
